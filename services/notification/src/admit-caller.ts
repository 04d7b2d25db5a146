import { type AppEnv, requireCaller } from "@sotto/platform/http";
import type { MiddlewareHandler } from "hono";
import { every } from "hono/combine";
import { requireAccount } from "./accounts/require-account.ts";
import type { NotificationContext } from "./context.ts";

/**
 * Lets only callers with a valid access token of an account that is not gone pass, each as often as a person has reason
 * to ask; `c.var.caller` is the caller.
 * @throws AppError as `requireCaller`; `session_revoked`, `rate_limited`
 */
export function admitCaller(
  context: Pick<NotificationContext, "db" | "limits" | "verifier" | "publicOrigin">,
): MiddlewareHandler<AppEnv> {
  return every(requireCaller(context), async (c, next) => {
    const { accountId } = c.var.caller;
    await requireAccount(context.db, accountId);
    await context.limits.take("request.account", accountId);
    await next();
  });
}
