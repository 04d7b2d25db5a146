import { createRoute, z } from "@hono/zod-openapi";
import { accountId } from "@sotto/contracts/ids";
import { publicAccount, searchQuery, searchResult } from "@sotto/contracts/user-api";
import { type App, createRoutes, problems } from "@sotto/platform/http";
import { callerSecurity, jsonContent } from "@sotto/platform/route-parts";
import type { UserContext } from "../context.ts";
import { requireSession } from "../sessions/require-session.ts";
import { getPublicAccount } from "./get-public-account.ts";
import { searchAccounts } from "./search-accounts.ts";

/** Looking for other people's accounts, relative to `/api/user`. */
export function searchRoutes(context: UserContext): App {
  const middleware = requireSession(context);
  const app = createRoutes();

  const searchRoute = createRoute({
    method: "get",
    path: "/accounts",
    tags: ["Accounts"],
    summary: "Find active accounts by the start of their username",
    security: callerSecurity,
    middleware,
    request: { query: searchQuery },
    responses: {
      200: jsonContent(searchResult, "The first of them in the order of their names."),
      ...problems("bad_request", "unauthenticated", "token_expired", "session_revoked", "rate_limited"),
    },
  });
  app.openapi(searchRoute, async (c) => {
    const { prefix, limit } = c.req.valid("query");
    return c.json({ accounts: await searchAccounts(context, c.var.caller, { prefix, limit }) }, 200);
  });

  const publicRoute = createRoute({
    method: "get",
    path: "/accounts/{accountId}",
    tags: ["Accounts"],
    summary: "The names of an active account",
    security: callerSecurity,
    middleware,
    request: { params: z.strictObject({ accountId }) },
    responses: {
      200: jsonContent(publicAccount, "What others may learn of it."),
      ...problems(
        "bad_request",
        "unauthenticated",
        "token_expired",
        "session_revoked",
        "not_found",
        "rate_limited",
      ),
    },
  });
  app.openapi(publicRoute, async (c) =>
    c.json(await getPublicAccount(context, c.var.caller, c.req.valid("param").accountId), 200),
  );
  return app;
}
