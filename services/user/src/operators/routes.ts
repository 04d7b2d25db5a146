import { createRoute } from "@hono/zod-openapi";
import { auditPage, auditQuery } from "@sotto/contracts/audit-api";
import {
  changeRoleRequest,
  keysRotated,
  operatedAccount,
  operatedAccountPage,
  operatedAccountsQuery,
  operatorActionRequest,
  operatorPath,
  rotateKeysRequest,
} from "@sotto/contracts/operator-api";
import { sessionsRevoked } from "@sotto/contracts/session-api";
import { type App, type AppEnv, createRoutes, problems } from "@sotto/platform/http";
import { callerSecurity, jsonBody, jsonContent } from "@sotto/platform/route-parts";
import type { Context } from "hono";
import { originOf } from "../audit/request-origin.ts";
import type { UserContext } from "../context.ts";
import { changeRole } from "./change-role.ts";
import { endAccountSessions } from "./end-account-sessions.ts";
import { requireOperator } from "./require-operator.ts";
import { resetSecondFactor } from "./reset-second-factor.ts";
import { restoreAccount } from "./restore-account.ts";
import { rotateKeys } from "./rotate-keys.ts";
import { suspendAccount } from "./suspend-account.ts";
import { viewAccount } from "./view-account.ts";
import { viewAccounts } from "./view-accounts.ts";
import { viewAudit } from "./view-audit.ts";

const shared = { tags: ["Operators"], security: callerSecurity };
const readProblems = problems(
  "bad_request",
  "unauthenticated",
  "token_expired",
  "session_revoked",
  "forbidden",
  "not_found",
);
const changeProblems = problems(
  "bad_request",
  "unauthenticated",
  "token_expired",
  "session_revoked",
  "forbidden",
  "reauthentication_required",
  "not_found",
  "payload_too_large",
  "unsupported_media_type",
);

const operatorOf = (c: Context<AppEnv>) => ({ operatorId: c.var.caller.accountId, origin: originOf(c) });

/** Routes of operators, relative to `/api/user`. To whoever is none there is nothing at these addresses. */
export function operatorRoutes(context: UserContext): App {
  const app = createRoutes();
  addReading(app, context);
  addActions(app, context);
  addAdministration(app, context);
  return app;
}

function addReading(app: App, context: UserContext): void {
  const middleware = requireOperator(context, "read");

  const listRoute = createRoute({
    ...{ method: "get", path: "/admin/accounts", ...shared, middleware },
    summary: "Accounts in the order of their names",
    request: { query: operatedAccountsQuery },
    responses: { 200: jsonContent(operatedAccountPage, "A page."), ...readProblems },
  });
  app.openapi(listRoute, async (c) =>
    c.json(await viewAccounts(context, operatorOf(c), c.req.valid("query")), 200),
  );

  const accountRoute = createRoute({
    ...{ method: "get", path: "/admin/accounts/{accountId}", ...shared, middleware },
    summary: "One account",
    request: { params: operatorPath },
    responses: { 200: jsonContent(operatedAccount, "The account."), ...readProblems },
  });
  app.openapi(accountRoute, async (c) => {
    const { accountId: targetId } = c.req.valid("param");
    return c.json(await viewAccount(context, { ...operatorOf(c), targetId }), 200);
  });

  const auditRoute = createRoute({
    ...{ method: "get", path: "/admin/accounts/{accountId}/audit", ...shared, middleware },
    summary: "The audit log of an account, newest first",
    request: { params: operatorPath, query: auditQuery },
    responses: { 200: jsonContent(auditPage, "A page."), ...readProblems },
  });
  app.openapi(auditRoute, async (c) => {
    const { accountId: targetId } = c.req.valid("param");
    return c.json(await viewAudit(context, { ...operatorOf(c), targetId }, c.req.valid("query")), 200);
  });
}

function addActions(app: App, context: UserContext): void {
  const request = { params: operatorPath, ...jsonBody(operatorActionRequest) };
  const changed = { 200: jsonContent(operatedAccount, "The account as it is now."), ...changeProblems };
  const change = { method: "post", ...shared, request, responses: changed } as const;

  const suspendRoute = createRoute({
    ...{ ...change, path: "/admin/accounts/{accountId}/suspend" },
    middleware: requireOperator(context, "suspend"),
    summary: "End an account's sessions, and let it sign in no more",
  });
  app.openapi(suspendRoute, async (c) => {
    const act = { ...operatorOf(c), targetId: c.req.valid("param").accountId, ...c.req.valid("json") };
    await suspendAccount(context, act);
    return c.json(await viewAccount(context, act), 200);
  });

  const restoreRoute = createRoute({
    ...{ ...change, path: "/admin/accounts/{accountId}/restore" },
    middleware: requireOperator(context, "restore"),
    summary: "Let a suspended account sign in again",
  });
  app.openapi(restoreRoute, async (c) => {
    const act = { ...operatorOf(c), targetId: c.req.valid("param").accountId, ...c.req.valid("json") };
    await restoreAccount(context, act);
    return c.json(await viewAccount(context, act), 200);
  });

  const endSessionsRoute = createRoute({
    ...{ ...change, path: "/admin/accounts/{accountId}/revoke-sessions" },
    middleware: requireOperator(context, "revoke-sessions"),
    summary: "End all sessions of an account",
    responses: { 200: jsonContent(sessionsRevoked, "How many have ended."), ...changeProblems },
  });
  app.openapi(endSessionsRoute, async (c) => {
    const act = { ...operatorOf(c), targetId: c.req.valid("param").accountId, ...c.req.valid("json") };
    return c.json({ revoked: await endAccountSessions(context, act) }, 200);
  });

  const resetRoute = createRoute({
    ...{ ...change, path: "/admin/accounts/{accountId}/reset-second-factor" },
    middleware: requireOperator(context, "reset-second-factor"),
    summary: "Take all second factors of an account away",
  });
  app.openapi(resetRoute, async (c) => {
    const act = { ...operatorOf(c), targetId: c.req.valid("param").accountId, ...c.req.valid("json") };
    await resetSecondFactor(context, act);
    return c.json(await viewAccount(context, act), 200);
  });
}

function addAdministration(app: App, context: UserContext): void {
  const roleRoute = createRoute({
    ...{ method: "put", path: "/admin/accounts/{accountId}/role", ...shared },
    middleware: requireOperator(context, "change-role"),
    summary: "Make an account an operator, or no longer one",
    request: { params: operatorPath, ...jsonBody(changeRoleRequest) },
    responses: { 200: jsonContent(operatedAccount, "The account as it is now."), ...changeProblems },
  });
  app.openapi(roleRoute, async (c) => {
    const act = { ...operatorOf(c), targetId: c.req.valid("param").accountId, ...c.req.valid("json") };
    await changeRole(context, act);
    return c.json(await viewAccount(context, act), 200);
  });

  const rotateRoute = createRoute({
    ...{ method: "post", path: "/admin/keys/rotate", ...shared },
    middleware: requireOperator(context, "rotate-keys"),
    summary: "Make the next key that signs access tokens",
    request: jsonBody(rotateKeysRequest),
    responses: { 200: jsonContent(keysRotated, "The new key."), ...changeProblems },
  });
  app.openapi(rotateRoute, async (c) =>
    c.json({ kid: await rotateKeys(context, { ...operatorOf(c), ...c.req.valid("json") }) }, 200),
  );
}
