import { createRoute, z } from "@hono/zod-openapi";
import {
  checkPrekeysRequest,
  claimedPrekeys,
  claimPrekeysRequest,
  prekeyStock,
  uploadPrekeysRequest,
} from "@sotto/contracts/device-api";
import { accountId, deviceId } from "@sotto/contracts/ids";
import { DEVICE_HEADER } from "@sotto/contracts/message-api";
import { type App, createRoutes, problems } from "@sotto/platform/http";
import { callerProblems } from "../admit-caller.ts";
import { checkPrekeys } from "./check-prekeys.ts";
import { claimPrekeys } from "./claim-prekeys.ts";
import type { DeviceContext } from "./device-context.ts";
import { getPrekeyStock } from "./get-prekey-stock.ts";
import { requireDevice } from "./require-device.ts";
import { uploadPrekeys } from "./upload-prekeys.ts";

const security = [{ bearer: [] }];
const tags = ["prekeys"];
/** What every route that acts as a device can answer. */
const usual = [...callerProblems, "device_unproven", "not_found"] as const;
const params = z.strictObject({ deviceId });

const upload = createRoute({
  method: "put",
  path: "/devices/{deviceId}/prekeys",
  tags,
  security,
  summary: "Replace the device's keys of the kinds that are present",
  request: {
    params,
    body: { required: true, content: { "application/json": { schema: uploadPrekeysRequest } } },
  },
  responses: {
    204: { description: "Stored, also for a repeat" },
    ...problems(...usual, "payload_too_large", "invalid_signature", "idempotency_conflict"),
  },
});

const stock = createRoute({
  method: "get",
  path: "/devices/{deviceId}/prekeys",
  tags,
  security,
  summary: "How many one-time keys are left",
  request: { params },
  responses: {
    200: { description: "The stock", content: { "application/json": { schema: prekeyStock } } },
    ...problems(...usual),
  },
});

const check = createRoute({
  method: "post",
  path: "/devices/{deviceId}/prekeys/check",
  tags,
  security,
  summary: "Compare the device's keys with those that are handed out",
  request: {
    params,
    body: { required: true, content: { "application/json": { schema: checkPrekeysRequest } } },
  },
  responses: {
    204: { description: "They are the same" },
    ...problems(...usual, "payload_too_large", "key_digest_mismatch"),
  },
});

const claim = createRoute({
  method: "post",
  path: "/accounts/{accountId}/prekeys",
  tags,
  security,
  summary: "Claim one bundle of keys for each named device",
  request: {
    params: z.strictObject({ accountId }),
    headers: z.object({ [DEVICE_HEADER]: deviceId }),
    body: { required: true, content: { "application/json": { schema: claimPrekeysRequest } } },
  },
  responses: {
    200: {
      description: "A bundle for each of these devices that the account has",
      content: { "application/json": { schema: claimedPrekeys } },
    },
    ...problems(...usual, "payload_too_large", "unavailable"),
  },
});

/** The routes of prekeys; `deviceRoutes` mounts them behind the check of the caller. */
export function prekeyRoutes(context: DeviceContext): App {
  const app = createRoutes();
  app.openapi(upload, async (c) => {
    await uploadPrekeys(context, c.var.caller, c.req.valid("param").deviceId, c.req.valid("json"));
    return c.body(null, 204);
  });
  app.openapi(stock, async (c) =>
    c.json(await getPrekeyStock(context, c.var.caller, c.req.valid("param").deviceId), 200),
  );
  app.openapi(check, async (c) => {
    const { digest } = c.req.valid("json");
    await checkPrekeys(context, c.var.caller, c.req.valid("param").deviceId, digest);
    return c.body(null, 204);
  });
  app.openapi({ ...claim, middleware: requireDevice(context) }, async (c) => {
    const { deviceIds } = c.req.valid("json");
    const bundles = await claimPrekeys(context, c.var.device, c.req.valid("param").accountId, deviceIds);
    return c.json({ bundles }, 200);
  });
  return app;
}
