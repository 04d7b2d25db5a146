import { type AppEnv, requireCaller } from "@sotto/platform/http";
import type { MiddlewareHandler } from "hono";
import type { UserContext } from "../context.ts";
import { checkSession } from "./check-session.ts";

/**
 * Lets only callers with a valid access token of a session that has not ended pass, as two middlewares for `createRoute`.
 */
export function requireSession({
  accessTokens: { verifier },
  db,
  publicOrigin,
}: Pick<UserContext, "accessTokens" | "db" | "publicOrigin">): MiddlewareHandler<AppEnv>[] {
  const checkCaller: MiddlewareHandler<AppEnv> = async (c, next) => {
    await checkSession({ db }, c.var.caller.sessionId);
    await next();
  };
  return [requireCaller({ verifier, publicOrigin }), checkCaller];
}
