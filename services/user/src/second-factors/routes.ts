import { createRoute } from "@hono/zod-openapi";
import {
  recoveryCodes,
  secondFactors,
  totpConfirmRequest,
  totpStarted,
} from "@sotto/contracts/second-factor-api";
import { type App, createRoutes, problems, requireFresh } from "@sotto/platform/http";
import { callerSecurity, jsonBody, jsonContent } from "@sotto/platform/route-parts";
import { originOf } from "../audit/request-origin.ts";
import type { UserContext } from "../context.ts";
import { requireSession } from "../sessions/require-session.ts";
import { confirmTotp } from "./confirm-totp.ts";
import { getSecondFactors } from "./get-second-factors.ts";
import { removeTotp } from "./remove-totp.ts";
import { renewRecoveryCodes } from "./renew-recovery-codes.ts";
import { startTotp } from "./start-totp.ts";

const CALLER = ["unauthenticated", "token_expired", "session_revoked"] as const;
const CHANGE = [...CALLER, "forbidden", "payload_too_large"] as const;

const common = { tags: ["Second factors"], security: callerSecurity };

/** Routes of second factors, relative to `/api/user`. */
export function secondFactorRoutes(context: UserContext): App {
  const app = createRoutes();
  const middleware = requireSession(context);
  addTotp(app, context);

  const getRoute = createRoute({
    ...common,
    method: "get",
    path: "/second-factors",
    summary: "What the caller has beside a password",
    middleware,
    responses: { 200: jsonContent(secondFactors, "The second factors."), ...problems(...CALLER) },
  });
  app.openapi(getRoute, async (c) => c.json(await getSecondFactors(context, c.var.caller.accountId), 200));

  const renewRoute = createRoute({
    ...common,
    method: "post",
    path: "/second-factors/recovery-codes",
    summary: "Get new recovery codes in place of the former ones",
    middleware: [...middleware, requireFresh(context)],
    responses: {
      200: jsonContent(recoveryCodes, "The codes. They are not shown again."),
      ...problems(...CHANGE, "reauthentication_required", "not_found"),
    },
  });
  app.openapi(renewRoute, async (c) => {
    const codes = await renewRecoveryCodes(context, c.var.caller.accountId, originOf(c));
    return c.json({ recoveryCodes: codes }, 200);
  });
  return app;
}

function addTotp(app: App, context: UserContext): void {
  const middleware = requireSession(context);
  const fresh = [...middleware, requireFresh(context)];

  const startRoute = createRoute({
    ...common,
    method: "post",
    path: "/second-factors/totp",
    summary: "Start to set up an authenticator app",
    middleware: fresh,
    responses: {
      201: jsonContent(totpStarted, "The secret, to be confirmed by a code."),
      ...problems(...CHANGE, "reauthentication_required", "already_exists"),
    },
  });
  app.openapi(startRoute, async (c) => c.json(await startTotp(context, c.var.caller.accountId), 201));

  const confirmRoute = createRoute({
    ...common,
    method: "post",
    path: "/second-factors/totp/confirm",
    summary: "Switch the authenticator app on",
    middleware,
    request: jsonBody(totpConfirmRequest),
    responses: {
      200: jsonContent(
        recoveryCodes,
        "Codes for the day on which the app is lost. They are not shown again.",
      ),
      ...problems(
        ...CHANGE,
        "bad_request",
        "unsupported_media_type",
        "not_found",
        "already_exists",
        "invalid_code",
        "rate_limited",
        "unavailable",
      ),
    },
  });
  app.openapi(confirmRoute, async (c) => {
    const confirmation = { accountId: c.var.caller.accountId, code: c.req.valid("json").code };
    return c.json({ recoveryCodes: await confirmTotp(context, confirmation, originOf(c)) }, 200);
  });

  const removeRoute = createRoute({
    ...common,
    method: "delete",
    path: "/second-factors/totp",
    summary: "Switch the authenticator app off",
    middleware: fresh,
    responses: {
      204: { description: "There is none any more." },
      ...problems(...CHANGE, "reauthentication_required"),
    },
  });
  app.openapi(removeRoute, async (c) => {
    await removeTotp(context, c.var.caller.accountId, originOf(c));
    return c.body(null, 204);
  });
}
