import { createRoute, z } from "@hono/zod-openapi";
import { deviceId } from "@sotto/contracts/ids";
import { DEVICE_HEADER, messageAccepted, sendMessageRequest } from "@sotto/contracts/message-api";
import { type App, createRoutes, problems } from "@sotto/platform/http";
import { callerSecurity, jsonBody, jsonContent } from "@sotto/platform/route-parts";
import { admitCaller, callerProblems } from "../admit-caller.ts";
import type { ChatContext } from "../context.ts";
import { requireDevice } from "../devices/require-device.ts";
import { sendMessage } from "./send-message.ts";

const send = createRoute({
  method: "post",
  path: "/messages",
  tags: ["messages"],
  security: callerSecurity,
  summary: "Send a message: content once, an envelope for every device of every member",
  request: { headers: z.object({ [DEVICE_HEADER]: deviceId }), ...jsonBody(sendMessageRequest) },
  responses: {
    201: jsonContent(messageAccepted, "The message is durable; a repeat gets the same answer"),
    ...problems(
      ...callerProblems,
      "device_unproven",
      "not_found",
      "account_blocked",
      "device_mismatch",
      "idempotency_conflict",
      "payload_too_large",
      "overloaded",
      "unavailable",
    ),
  },
});

/** Messages; paths are relative to `/api/chat`. */
export function messageRoutes(context: ChatContext): App {
  const app = createRoutes();
  app.use("/messages", admitCaller(context), async (c, next) => {
    context.nodeLimits.take("message.account", c.var.caller.accountId);
    await next();
  });
  app.openapi({ ...send, middleware: requireDevice(context) }, async (c) =>
    c.json(await sendMessage(context, c.var.device, c.req.valid("json")), 201),
  );
  return app;
}
