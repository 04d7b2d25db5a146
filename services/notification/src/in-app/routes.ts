import { createRoute, z } from "@hono/zod-openapi";
import {
  notificationId,
  notificationPage,
  notificationsQuery,
  readAllRequest,
  unreadCount,
} from "@sotto/contracts/in-app-api";
import { type App, createRoutes, problems } from "@sotto/platform/http";
import { callerSecurity, jsonBody, jsonContent } from "@sotto/platform/route-parts";
import { admitCaller } from "../admit-caller.ts";
import type { NotificationContext } from "../context.ts";
import { countUnreadNotifications } from "./count-unread-notifications.ts";
import { listNotifications } from "./list-notifications.ts";
import { readAllNotifications } from "./read-all-notifications.ts";
import { readNotification } from "./read-notification.ts";
import { removeNotification } from "./remove-notification.ts";

const params = z.strictObject({ notificationId });
const callerProblems = problems(
  "unauthenticated",
  "token_expired",
  "session_revoked",
  "bad_request",
  "rate_limited",
);

/** The list of what an account was told, relative to `/api/notifications`. */
export function inAppRoutes(context: NotificationContext): App {
  const app = createRoutes();
  const common = {
    tags: ["Notifications"],
    security: callerSecurity,
    middleware: admitCaller(context),
  };
  const list = createRoute({
    ...{ ...common, method: "get", path: "/" },
    summary: "What the caller was told, newest first",
    request: { query: notificationsQuery },
    responses: {
      200: jsonContent(notificationPage, "A page; `next` is the `before` of the one that follows."),
      ...callerProblems,
    },
  });
  const count = createRoute({
    ...{ ...common, method: "get", path: "/unread-count" },
    summary: "How many notifications of the caller are unread",
    responses: { 200: jsonContent(unreadCount, "The number"), ...callerProblems },
  });
  const readAll = createRoute({
    ...{ ...common, method: "post", path: "/read-all" },
    summary: "Mark a notification and all older ones as read, or all",
    request: jsonBody(readAllRequest),
    responses: { 204: { description: "They are read" }, ...callerProblems },
  });
  const read = createRoute({
    ...{ ...common, method: "post", path: "/{notificationId}/read" },
    summary: "Mark one as read",
    request: { params },
    responses: { 204: { description: "It is read" }, ...callerProblems, ...problems("not_found") },
  });
  const remove = createRoute({
    ...{ ...common, method: "delete", path: "/{notificationId}" },
    summary: "Take one off the list",
    request: { params },
    responses: { 204: { description: "It is gone" }, ...callerProblems, ...problems("not_found") },
  });
  app.openapi(list, async (c) => {
    const { before, limit } = c.req.valid("query");
    return c.json(await listNotifications(context, c.var.caller.accountId, { before, limit }), 200);
  });
  app.openapi(count, async (c) =>
    c.json(await countUnreadNotifications(context, c.var.caller.accountId), 200),
  );
  app.openapi(readAll, async (c) => {
    await readAllNotifications(context, c.var.caller.accountId, c.req.valid("json").before);
    return c.body(null, 204);
  });
  app.openapi(read, async (c) => {
    await readNotification(context, c.var.caller.accountId, c.req.valid("param").notificationId);
    return c.body(null, 204);
  });
  app.openapi(remove, async (c) => {
    await removeNotification(context, c.var.caller.accountId, c.req.valid("param").notificationId);
    return c.body(null, 204);
  });
  return app;
}
