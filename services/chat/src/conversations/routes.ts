import { createRoute, z } from "@hono/zod-openapi";
import { accountId } from "@sotto/contracts/ids";
import {
  type Conversation,
  conversation,
  conversationPage,
  conversationsQuery,
} from "@sotto/contracts/message-api";
import { type App, createRoutes, problems } from "@sotto/platform/http";
import { callerSecurity, jsonContent } from "@sotto/platform/route-parts";
import { admitCaller, callerProblems } from "../admit-caller.ts";
import type { ChatContext } from "../context.ts";
import { listConversations } from "./list-conversations.ts";
import { openDirectConversation } from "./open-direct-conversation.ts";

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
  return app;
}

type Opened = Awaited<ReturnType<typeof openDirectConversation>>;

function toWire({ conversationId, kind, members, createdAt }: Opened): Conversation {
  return { conversationId, kind, members, createdAt: createdAt.toISOString() };
}
