import { type AppEnv, type CallerPolicy, requireCaller } from "@sotto/platform/http";
import type { Limits } from "@sotto/platform/limits";
import type { MiddlewareHandler } from "hono";
import { every } from "hono/combine";
import type { ChatLimit } from "./limits.ts";

/** What every route behind `admitCaller` can answer. */
export const callerProblems = ["unauthenticated", "token_expired", "bad_request", "rate_limited"] as const;

/**
 * Lets only callers with a valid access token pass, each as often as a person has reason to ask; `c.var.caller` is the
 * caller.
 * @throws AppError as `requireCaller`, `rate_limited`
 */
export function admitCaller(
  context: CallerPolicy & { readonly limits: Limits<ChatLimit> },
): MiddlewareHandler<AppEnv> {
  return every(requireCaller(context), async (c, next) => {
    await context.limits.take("request.account", c.var.caller.accountId);
    await next();
  });
}
