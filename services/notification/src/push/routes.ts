import { createRoute } from "@hono/zod-openapi";
import { deviceId } from "@sotto/contracts/ids";
import { pushKey, pushSubscriptionRequest, pushSubscriptions } from "@sotto/contracts/notification-api";
import { type App, createRoutes, problems, requireCaller } from "@sotto/platform/http";
import { callerSecurity, jsonBody, jsonContent } from "@sotto/platform/route-parts";
import { z } from "zod";
import type { NotificationContext } from "../context.ts";
import { listOwnSubscriptions } from "./list-own-subscriptions.ts";
import { subscribeDevice } from "./subscribe-device.ts";
import { unsubscribeDevice } from "./unsubscribe-device.ts";

const DEVICE_PATH = "/push-subscriptions/{deviceId}";
const request = { params: z.object({ deviceId }) };
const ASKING = ["unauthenticated", "token_expired", "unavailable"] as const;
const LIMITED = [...ASKING, "session_revoked", "rate_limited", "overloaded"] as const;

/** Routes of Web Push (RFC 8030) and UnifiedPush, relative to `/api/notifications`. */
export function pushRoutes(context: NotificationContext): App {
  const app = createRoutes();
  const common = { tags: ["Push"], security: callerSecurity, middleware: [requireCaller(context)] };

  const keyRoute = createRoute({
    ...common,
    method: "get",
    path: "/push-key",
    summary: "The key to subscribe with at a push service",
    description:
      "The `applicationServerKey` of `PushManager.subscribe` (RFC 8292). It changes when the operators say so.",
    responses: { 200: jsonContent(pushKey, "The public key."), ...problems(...ASKING) },
  });
  app.openapi(keyRoute, (c) => c.json({ applicationServerKey: context.push.keys.publicKey }, 200));

  const listRoute = createRoute({
    ...common,
    method: "get",
    path: "/push-subscriptions",
    summary: "Where the devices of the caller are woken",
    responses: {
      200: jsonContent(pushSubscriptions, "Oldest first, without their keys."),
      ...problems(...LIMITED),
    },
  });
  app.openapi(listRoute, async (c) => {
    const subscriptions = await listOwnSubscriptions(context, c.var.caller.accountId);
    return c.json({ subscriptions }, 200);
  });

  const subscribeRoute = createRoute({
    ...common,
    method: "put",
    path: DEVICE_PATH,
    summary: "Have a device of the caller woken by a push service",
    description:
      "Replaces what the device had before. It ends with the session that made it, with the device, or when the push service says that it is gone. Beyond ten of an account the oldest makes way.",
    request: { ...request, ...jsonBody(pushSubscriptionRequest) },
    responses: {
      204: { description: "Messages that wait for the device are told to the endpoint." },
      ...problems("bad_request", "forbidden", "payload_too_large", "unsupported_media_type", ...LIMITED),
    },
  });
  app.openapi(subscribeRoute, async (c) => {
    await subscribeDevice(context, c.var.caller, { ...c.req.valid("param"), ...c.req.valid("json") });
    return c.body(null, 204);
  });

  const unsubscribeRoute = createRoute({
    ...common,
    method: "delete",
    path: DEVICE_PATH,
    summary: "Have a device of the caller woken no more",
    request,
    responses: {
      204: { description: "The device has no subscription, whether it had one or not." },
      ...problems("bad_request", "forbidden", ...LIMITED),
    },
  });
  app.openapi(unsubscribeRoute, async (c) => {
    await unsubscribeDevice(context, { accountId: c.var.caller.accountId, ...c.req.valid("param") });
    return c.body(null, 204);
  });
  return app;
}
