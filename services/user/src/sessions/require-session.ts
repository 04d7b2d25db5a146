import { type AppEnv, requireCaller } from "@sotto/platform/http";
import type { MiddlewareHandler } from "hono";
import type { UserContext } from "../context.ts";
import { checkSession } from "./check-session.ts";

/**
 * Lets only callers with a valid access token of a session that has not ended pass, as middlewares for `createRoute`.
 * An account that asks for too much is refused before the database is asked for its session.
 * @throws AppError `rate_limited`, `session_revoked`, and what `requireCaller` throws.
 */
export function requireSession({
  accessTokens: { verifier },
  db,
  limits,
  publicOrigin,
}: Pick<UserContext, "accessTokens" | "db" | "limits" | "publicOrigin">): MiddlewareHandler<AppEnv>[] {
  const limitRequests: MiddlewareHandler<AppEnv> = async (c, next) => {
    await limits.take("request.account", c.var.caller.accountId);
    await next();
  };
  const checkCaller: MiddlewareHandler<AppEnv> = async (c, next) => {
    await checkSession({ db }, c.var.caller.sessionId);
    await next();
  };
  return [requireCaller({ verifier, publicOrigin }), limitRequests, checkCaller];
}
