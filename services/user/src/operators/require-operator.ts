import { type AppEnv, requireFresh } from "@sotto/platform/http";
import type { MiddlewareHandler } from "hono";
import type { UserContext } from "../context.ts";
import { requireSession } from "../sessions/require-session.ts";
import { checkOperator } from "./check-operator.ts";
import type { OperatorAction } from "./operator-rules.ts";

/**
 * Lets only operators pass who may do `action`, as middlewares for `createRoute`. To everybody else there is nothing at
 * this address. What changes something needs a session that has proved who it is a moment ago.
 * @throws AppError `not_found`, `forbidden`, `reauthentication_required`, and what `requireSession` throws.
 */
export function requireOperator(context: UserContext, action: OperatorAction): MiddlewareHandler<AppEnv>[] {
  const check: MiddlewareHandler<AppEnv> = async (c, next) => {
    await checkOperator(context, c.var.caller.accountId, action);
    await next();
  };
  const guards = [...requireSession(context), check];
  return action === "read" ? guards : [...guards, requireFresh(context)];
}
