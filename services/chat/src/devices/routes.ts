import { createRoute, z } from "@hono/zod-openapi";
import {
  accountDevices,
  accountDevicesQuery,
  bindDeviceRequest,
  device,
  ownDevices,
  registerDeviceRequest,
  removeDeviceRequest,
} from "@sotto/contracts/device-api";
import { accountId, deviceId } from "@sotto/contracts/ids";
import { limits } from "@sotto/contracts/limits";
import { type App, type AppOptions, createRoutes, problems, requireFresh } from "@sotto/platform/http";
import { admitCaller, callerProblems } from "../admit-caller.ts";
import { bindDeviceSession } from "./bind-device-session.ts";
import type { DeviceContext } from "./device-context.ts";
import { listAccountDevices } from "./list-account-devices.ts";
import { listOwnDevices } from "./list-own-devices.ts";
import { prekeyRoutes } from "./prekey-routes.ts";
import { registerDevice } from "./register-device.ts";
import { removeDevice } from "./remove-device.ts";

const security = [{ bearer: [] }];
const tags = ["devices"];

const register = createRoute({
  method: "post",
  path: "/devices",
  tags,
  security,
  summary: "Add a device with its keys and the device list that names it",
  request: { body: { required: true, content: { "application/json": { schema: registerDeviceRequest } } } },
  responses: {
    201: {
      description: "The device, also for a repeat",
      content: { "application/json": { schema: device } },
    },
    ...problems(
      ...callerProblems,
      "session_revoked",
      "payload_too_large",
      "device_exists",
      "device_limit",
      "device_list_conflict",
      "invalid_signature",
      "unavailable",
    ),
  },
});

const listOwn = createRoute({
  method: "get",
  path: "/devices",
  tags,
  security,
  summary: "The caller's devices, oldest first",
  responses: {
    200: { description: "The devices", content: { "application/json": { schema: ownDevices } } },
    ...problems(...callerProblems),
  },
});

const remove = createRoute({
  method: "delete",
  path: "/devices/{deviceId}",
  tags,
  security,
  summary: "Remove a device with its keys and mailbox; needs a session that has just proved who it is",
  request: {
    params: z.strictObject({ deviceId }),
    body: { required: true, content: { "application/json": { schema: removeDeviceRequest } } },
  },
  responses: {
    204: { description: "Removed, also for a repeat" },
    ...problems(
      ...callerProblems,
      "reauthentication_required",
      "payload_too_large",
      "not_found",
      "device_list_conflict",
      "invalid_signature",
      "unavailable",
    ),
  },
});

const bind = createRoute({
  method: "put",
  path: "/devices/{deviceId}/session",
  tags,
  security,
  summary: "Let this session act as a device, by a proof of its identity key",
  request: {
    params: z.strictObject({ deviceId }),
    body: { required: true, content: { "application/json": { schema: bindDeviceRequest } } },
  },
  responses: {
    204: { description: "Bound, also for a repeat" },
    ...problems(
      ...callerProblems,
      "session_revoked",
      "payload_too_large",
      "not_found",
      "invalid_signature",
      "unavailable",
    ),
  },
});

const listOfAccount = createRoute({
  method: "get",
  path: "/accounts/{accountId}/devices",
  tags,
  security,
  summary: "The account key and signed device lists of an account",
  request: { params: z.strictObject({ accountId }), query: accountDevicesQuery },
  responses: {
    200: {
      description: "The lists newer than `since`",
      content: { "application/json": { schema: accountDevices } },
    },
    ...problems(...callerProblems, "not_found"),
  },
});

/** Uploads of keys are larger than other requests; paths as the whole service has them. */
export const deviceBodyLimits: NonNullable<AppOptions["bodyLimits"]> = [
  { path: /^\/api\/chat\/devices(\/[^/]+\/prekeys)?\/?$/, bytes: limits.keyUploadBytes },
];

/** Devices and prekeys; paths are relative to `/api/chat`. */
export function deviceRoutes(context: DeviceContext): App {
  const app = createRoutes();
  // Also matches "/devices" itself.
  app.use("/devices/*", admitCaller(context));
  app.use("/accounts/*", admitCaller(context));
  app.openapi(register, async (c) =>
    c.json(await registerDevice(context, c.var.caller, c.req.valid("json")), 201),
  );
  app.openapi(listOwn, async (c) => c.json({ devices: await listOwnDevices(context, c.var.caller) }, 200));
  app.openapi({ ...remove, middleware: requireFresh(context) }, async (c) => {
    const { deviceList } = c.req.valid("json");
    await removeDevice(context, c.var.caller, c.req.valid("param").deviceId, deviceList);
    return c.body(null, 204);
  });
  app.openapi(bind, async (c) => {
    await bindDeviceSession(context, c.var.caller, c.req.valid("param").deviceId, c.req.valid("json").proof);
    return c.body(null, 204);
  });
  app.openapi(listOfAccount, async (c) => {
    const { since } = c.req.valid("query");
    return c.json(await listAccountDevices(context, c.req.valid("param").accountId, since), 200);
  });
  app.route("/", prekeyRoutes(context));
  return app;
}
