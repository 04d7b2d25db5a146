import { createRoute, z } from "@hono/zod-openapi";
import { accountId } from "@sotto/contracts/ids";
import {
  block,
  blockPage,
  blocksQuery,
  contact,
  contactPage,
  contactsQuery,
} from "@sotto/contracts/people-api";
import { type App, createRoutes, problems } from "@sotto/platform/http";
import { callerSecurity, jsonContent } from "@sotto/platform/route-parts";
import { admitCaller, callerProblems } from "../admit-caller.ts";
import type { ChatContext } from "../context.ts";
import { addContact } from "./add-contact.ts";
import { blockAccount } from "./block-account.ts";
import { listBlocks } from "./list-blocks.ts";
import { listContacts } from "./list-contacts.ts";
import { removeContact } from "./remove-contact.ts";
import { unblockAccount } from "./unblock-account.ts";

const security = callerSecurity;
const params = z.strictObject({ accountId });

const contacts = createRoute({
  method: "get",
  path: "/contacts",
  tags: ["contacts"],
  security,
  summary: "The caller's contacts and requests, in the order of their ids",
  request: { query: contactsQuery },
  responses: { 200: jsonContent(contactPage, "One page"), ...problems(...callerProblems) },
});

const add = createRoute({
  method: "put",
  path: "/contacts/{accountId}",
  tags: ["contacts"],
  security,
  summary: "Ask an account to become a contact, or accept its request",
  request: { params },
  responses: {
    200: jsonContent(contact, "The contact, the same for every repeat"),
    ...problems(
      ...callerProblems,
      "session_revoked",
      "not_found",
      "account_blocked",
      "limit_reached",
      "unavailable",
    ),
  },
});

const remove = createRoute({
  method: "delete",
  path: "/contacts/{accountId}",
  tags: ["contacts"],
  security,
  summary: "End a contact, withdraw a request, or decline one",
  request: { params },
  responses: { 204: { description: "There is none now" }, ...problems(...callerProblems) },
});

const blocks = createRoute({
  method: "get",
  path: "/blocks",
  tags: ["blocks"],
  security,
  summary: "Whom the caller has blocked, in the order of their ids",
  request: { query: blocksQuery },
  responses: { 200: jsonContent(blockPage, "One page"), ...problems(...callerProblems) },
});

const addBlock = createRoute({
  method: "put",
  path: "/blocks/{accountId}",
  tags: ["blocks"],
  security,
  summary: "Block an account, which does not notice",
  request: { params },
  responses: {
    200: jsonContent(block, "The block, the same for every repeat"),
    ...problems(...callerProblems, "session_revoked", "not_found", "limit_reached", "unavailable"),
  },
});

const removeBlock = createRoute({
  method: "delete",
  path: "/blocks/{accountId}",
  tags: ["blocks"],
  security,
  summary: "End a block",
  request: { params },
  responses: { 204: { description: "There is none now" }, ...problems(...callerProblems) },
});

/** Contacts and blocks; paths are relative to `/api/chat`. */
export function peopleRoutes(context: ChatContext): App {
  const app = createRoutes();
  // These match "/contacts" and "/blocks" themselves as well.
  app.use("/contacts/*", admitCaller(context));
  app.use("/blocks/*", admitCaller(context));
  app.openapi(contacts, async (c) =>
    c.json(await listContacts(context, c.var.caller, toPage(c.req.valid("query"))), 200),
  );
  app.openapi(add, async (c) =>
    c.json(await addContact(context, c.var.caller, c.req.valid("param").accountId), 200),
  );
  app.openapi(remove, async (c) => {
    await removeContact(context, c.var.caller, c.req.valid("param").accountId);
    return c.body(null, 204);
  });
  app.openapi(blocks, async (c) => {
    const { after, limit } = c.req.valid("query");
    return c.json(await listBlocks(context, c.var.caller, { after, limit }), 200);
  });
  app.openapi(addBlock, async (c) =>
    c.json(await blockAccount(context, c.var.caller, c.req.valid("param").accountId), 200),
  );
  app.openapi(removeBlock, async (c) => {
    await unblockAccount(context, c.var.caller, c.req.valid("param").accountId);
    return c.body(null, 204);
  });
  return app;
}

function toPage({ state, after, limit }: z.infer<typeof contactsQuery>) {
  return { state, after, limit };
}
