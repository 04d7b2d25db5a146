import { createRoute, z } from "@hono/zod-openapi";
import { deviceId } from "@sotto/contracts/ids";
import {
  acknowledged,
  acknowledgeGapRequest,
  acknowledgeRequest,
  DEVICE_HEADER,
  inboxPage,
  inboxQuery,
} from "@sotto/contracts/message-api";
import { type App, createRoutes, problems } from "@sotto/platform/http";
import { callerSecurity, jsonBody, jsonContent } from "@sotto/platform/route-parts";
import { admitCaller, callerProblems } from "../admit-caller.ts";
import type { ChatContext } from "../context.ts";
import { requireDevice } from "../devices/require-device.ts";
import { acknowledgeByRequest } from "./acknowledge-by-request.ts";
import { acknowledgeGap } from "./acknowledge-gap.ts";
import { readInbox } from "./read-inbox.ts";

const tags = ["inbox"];
const security = callerSecurity;
const headers = z.object({ [DEVICE_HEADER]: deviceId });
const usual = [...callerProblems, "device_unproven", "not_found"] as const;

const read = createRoute({
  method: "get",
  path: "/inbox",
  tags,
  security,
  summary: "The oldest envelopes that wait for the calling device",
  request: { headers, query: inboxQuery },
  responses: { 200: jsonContent(inboxPage, "Envelopes, or an open gap"), ...problems(...usual) },
});

const confirm = createRoute({
  method: "post",
  path: "/inbox/acknowledgements",
  tags,
  security,
  summary: "Delete envelopes that have been durably processed",
  request: { headers, ...jsonBody(acknowledgeRequest) },
  responses: {
    200: jsonContent(acknowledged, "How many of them were there"),
    ...problems(...usual, "payload_too_large", "overloaded"),
  },
});

const confirmGap = createRoute({
  method: "post",
  path: "/inbox/gap-acknowledgements",
  tags,
  security,
  summary: "Take note that something was dropped, so that envelopes flow again",
  request: { headers, ...jsonBody(acknowledgeGapRequest) },
  responses: { 204: { description: "Noted" }, ...problems(...usual, "payload_too_large", "gap_pending") },
});

/** The calling device's mailbox, for clients without a socket; paths are relative to `/api/chat`. */
export function inboxRoutes(context: ChatContext): App {
  const app = createRoutes();
  // Also matches "/inbox" itself.
  app.use("/inbox/*", admitCaller(context));
  app.openapi({ ...read, middleware: requireDevice(context) }, async (c) =>
    c.json(await readInbox(context, c.var.device, c.req.valid("query").limit), 200),
  );
  app.openapi({ ...confirm, middleware: requireDevice(context) }, async (c) => {
    const deleted = await acknowledgeByRequest(context, c.var.device, c.req.valid("json").envelopeIds);
    return c.json({ deleted }, 200);
  });
  app.openapi({ ...confirmGap, middleware: requireDevice(context) }, async (c) => {
    await acknowledgeGap(context, c.var.device, c.req.valid("json").gap);
    return c.body(null, 204);
  });
  return app;
}
