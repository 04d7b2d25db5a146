import { createRoute } from "@hono/zod-openapi";
import type { ErrorCode } from "@sotto/contracts/errors";
import {
  passkeyChallenge,
  passkeySignInRequest,
  secondFactorRequired,
  secondFactorSignInRequest,
} from "@sotto/contracts/session-api";
import { signedIn, signInRequest } from "@sotto/contracts/user-api";
import { limitKey } from "@sotto/platform/client-address";
import { type App, type AppEnv, createRoutes, problems } from "@sotto/platform/http";
import { jsonBody, jsonContent } from "@sotto/platform/route-parts";
import type { Context } from "hono";
import { originOf } from "../audit/request-origin.ts";
import type { UserContext } from "../context.ts";
import { requestPasskey } from "../passkeys/request-passkey.ts";
import { answerSession, requireTransport, type TokenTransport } from "./answer-session.ts";
import { type StartedSession, signIn } from "./sign-in.ts";
import { signInPasskey } from "./sign-in-passkey.ts";
import { signInSecondFactor } from "./sign-in-second-factor.ts";

const COMMON: readonly ErrorCode[] = [
  "bad_request",
  "payload_too_large",
  "unsupported_media_type",
  "rate_limited",
  "unavailable",
];

const signInRoute = createRoute({
  method: "post",
  path: "/sign-in",
  tags: ["Sessions"],
  summary: "Start a session by a password",
  description:
    "A deactivated account is active again, and a scheduled deletion is called off. 202 is the answer to the right " +
    "password of an account with a second factor.",
  request: jsonBody(signInRequest),
  responses: {
    200: jsonContent(signedIn, "The account, and the new session."),
    202: jsonContent(secondFactorRequired, "A second factor is needed: POST /sign-in/second-factor."),
    ...problems(...COMMON, "invalid_credentials", "account_suspended", "forbidden", "overloaded"),
  },
});

const secondFactorRoute = createRoute({
  method: "post",
  path: "/sign-in/second-factor",
  tags: ["Sessions"],
  summary: "Finish a sign-in by a second factor",
  request: jsonBody(secondFactorSignInRequest),
  responses: {
    200: jsonContent(signedIn, "The account, and the new session."),
    ...problems(
      ...COMMON,
      "invalid_credentials",
      "invalid_code",
      "account_suspended",
      "forbidden",
      "challenge_invalid",
    ),
  },
});

const passkeyOptionsRoute = createRoute({
  method: "post",
  path: "/sign-in/passkey/options",
  tags: ["Sessions"],
  summary: "Ask for a challenge to sign in by a passkey",
  responses: {
    200: jsonContent(passkeyChallenge, "For navigator.credentials.get."),
    ...problems("payload_too_large", "rate_limited", "unavailable"),
  },
});

const passkeyRoute = createRoute({
  method: "post",
  path: "/sign-in/passkey",
  tags: ["Sessions"],
  summary: "Start a session by a passkey",
  request: jsonBody(passkeySignInRequest),
  responses: {
    200: jsonContent(signedIn, "The account, and the new session."),
    ...problems(...COMMON, "invalid_credentials", "account_suspended", "forbidden", "challenge_invalid"),
  },
});

/** Routes that start sessions, relative to `/api/user`. */
export function signInRoutes(context: UserContext): App {
  const app = createRoutes();
  const answer = (c: Context<AppEnv>, transport: TokenTransport, { account, session }: StartedSession) => ({
    account,
    session: answerSession(c, context, { transport, session }),
  });

  app.openapi(signInRoute, async (c) => {
    const { tokens: transport, ...input } = c.req.valid("json");
    requireTransport(c, context, transport);
    const started = await signIn(context, input, originOf(c, input.client));
    return "challenge" in started ? c.json(started, 202) : c.json(answer(c, transport, started), 200);
  });

  app.openapi(secondFactorRoute, async (c) => {
    const { tokens: transport, ...input } = c.req.valid("json");
    requireTransport(c, context, transport);
    const started = await signInSecondFactor(context, input, originOf(c, input.client));
    return c.json(answer(c, transport, started), 200);
  });

  app.openapi(passkeyOptionsRoute, async (c) => {
    await context.limits.take("passkey.address", limitKey(c.var.address));
    return c.json(await requestPasskey(context, { kind: "passkey-sign-in" }), 200);
  });

  app.openapi(passkeyRoute, async (c) => {
    const { tokens: transport, ...input } = c.req.valid("json");
    requireTransport(c, context, transport);
    await context.limits.take("passkey.address", limitKey(c.var.address));
    const started = await signInPasskey(context, input, originOf(c, input.client));
    return c.json(answer(c, transport, started), 200);
  });
  return app;
}
