import { type AppEnv, requireCaller } from "@sotto/platform/http";
import type { MiddlewareHandler } from "hono";
import type { UserContext } from "../context.ts";
import { checkSession } from "./check-session.ts";
import { requireSameOrigin } from "./same-origin.ts";

const SAFE_METHODS = new Set(["GET", "HEAD"]);

/**
 * Lets only callers with a valid access token of a session that has not ended pass, as two middlewares for `createRoute`.
 * Unsafe requests by cookie must come from this installation's own pages.
 */
export function requireSession(
  context: Pick<UserContext, "accessTokens" | "db" | "publicOrigin">,
): MiddlewareHandler<AppEnv>[] {
  const checkCaller: MiddlewareHandler<AppEnv> = async (c, next) => {
    const isByCookie = c.req.header("Authorization") === undefined;
    if (isByCookie && !SAFE_METHODS.has(c.req.method)) requireSameOrigin(c, context.publicOrigin);
    await checkSession(context, c.var.caller.sessionId);
    await next();
  };
  return [requireCaller(context.accessTokens.verifier), checkCaller];
}
