import { createRoute, z } from "@hono/zod-openapi";
import { accountId, conversationId } from "@sotto/contracts/ids";
import {
  type Conversation,
  conversation,
  conversationPage,
  conversationsQuery,
  muteRequest,
  readMark,
  readRequest,
} from "@sotto/contracts/message-api";
import { type App, createRoutes, problems } from "@sotto/platform/http";
import { callerSecurity, jsonBody, jsonContent } from "@sotto/platform/route-parts";
import { admitCaller, callerProblems } from "../admit-caller.ts";
import type { ChatContext } from "../context.ts";
import { listConversations } from "./list-conversations.ts";
import { markRead } from "./mark-read.ts";
import { muteConversation } from "./mute-conversation.ts";
import { openDirectConversation } from "./open-direct-conversation.ts";
import { unmuteConversation } from "./unmute-conversation.ts";

const tags = ["conversations"];

const openDirect = createRoute({
  method: "put",
  path: "/conversations/direct/{accountId}",
  tags,
  security: callerSecurity,
  summary: "The direct conversation with an account, made when there is none",
  request: { params: z.strictObject({ accountId }) },
  responses: {
    200: jsonContent(conversation, "The conversation, the same one for every repeat"),
    ...problems(...callerProblems, "session_revoked", "not_found", "contact_required", "account_blocked"),
  },
});

const list = createRoute({
  method: "get",
  path: "/conversations",
  tags,
  security: callerSecurity,
  summary: "The caller's conversations, newest first",
  request: { query: conversationsQuery },
  responses: { 200: jsonContent(conversationPage, "One page"), ...problems(...callerProblems) },
});

const params = z.strictObject({ conversationId });

const read = createRoute({
  method: "post",
  path: "/conversations/{conversationId}/read",
  tags,
  security: callerSecurity,
  summary: "Say that everything up to a message has been read",
  description: "Nobody else is told. Messages that were read are no reason for a push or a mail.",
  request: { params, ...jsonBody(readRequest) },
  responses: {
    200: jsonContent(readMark, "Up to when messages have been read; never goes back"),
    ...problems(...callerProblems, "not_found", "payload_too_large"),
  },
});

const mutePath = "/conversations/{conversationId}/mute";

const mute = createRoute({
  method: "put",
  path: mutePath,
  tags,
  security: callerSecurity,
  summary: "Have messages of a conversation be no reason for a push or a mail",
  request: { params, ...jsonBody(muteRequest) },
  responses: {
    204: { description: "Muted" },
    ...problems(...callerProblems, "not_found", "payload_too_large"),
  },
});

const unmute = createRoute({
  method: "delete",
  path: mutePath,
  tags,
  security: callerSecurity,
  summary: "End that",
  request: { params },
  responses: { 204: { description: "Not muted" }, ...problems(...callerProblems, "not_found") },
});

/** Conversations; paths are relative to `/api/chat`. */
export function conversationRoutes(context: ChatContext): App {
  const app = createRoutes();
  // Also matches "/conversations" itself.
  app.use("/conversations/*", admitCaller(context));
  app.openapi(openDirect, async (c) => {
    const made = await openDirectConversation(context, c.var.caller, c.req.valid("param").accountId);
    return c.json(toWire(made), 200);
  });
  app.openapi(list, async (c) => {
    const { after, limit } = c.req.valid("query");
    const page = await listConversations(context, c.var.caller, { after, limit });
    return c.json({ conversations: page.conversations.map(toWire), next: page.next }, 200);
  });
  app.openapi(read, async (c) => {
    const { messageId } = c.req.valid("json");
    const readAt = await markRead(context, c.var.caller, c.req.valid("param").conversationId, messageId);
    return c.json({ readAt: readAt.toISOString() }, 200);
  });
  app.openapi(mute, async (c) => {
    const { until } = c.req.valid("json");
    await muteConversation(
      context,
      c.var.caller,
      c.req.valid("param").conversationId,
      until === null ? null : new Date(until),
    );
    return c.body(null, 204);
  });
  app.openapi(unmute, async (c) => {
    await unmuteConversation(context, c.var.caller, c.req.valid("param").conversationId);
    return c.body(null, 204);
  });
  return app;
}

type Opened = Awaited<ReturnType<typeof openDirectConversation>>;

function toWire({ createdAt, readAt, muted, ...conversation }: Opened): Conversation {
  return {
    ...conversation,
    createdAt: createdAt.toISOString(),
    readAt: readAt?.toISOString() ?? null,
    muted: muted && { until: muted.until?.toISOString() ?? null },
  };
}
