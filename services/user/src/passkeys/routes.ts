import { createRoute } from "@hono/zod-openapi";
import {
  addPasskeyRequest,
  passkey,
  passkeyCreation,
  passkeyId,
  renamePasskeyRequest,
} from "@sotto/contracts/second-factor-api";
import { type App, createRoutes, problems, requireFresh } from "@sotto/platform/http";
import { callerSecurity, jsonBody, jsonContent } from "@sotto/platform/route-parts";
import { z } from "zod";
import { originOf } from "../audit/request-origin.ts";
import type { UserContext } from "../context.ts";
import { requireSession } from "../sessions/require-session.ts";
import { addPasskey } from "./add-passkey.ts";
import { removePasskey } from "./remove-passkey.ts";
import { renamePasskey } from "./rename-passkey.ts";
import { startPasskey } from "./start-passkey.ts";

const CHANGE = [
  "unauthenticated",
  "token_expired",
  "session_revoked",
  "forbidden",
  "payload_too_large",
] as const;
const BODY = ["bad_request", "unsupported_media_type"] as const;
const params = z.strictObject({ passkeyId });

/** Routes of passkeys, relative to `/api/user`; they are listed with the second factors. */
export function passkeyRoutes(context: UserContext): App {
  const app = createRoutes();
  addCreation(app, context);
  addUpkeep(app, context);
  return app;
}

const common = { tags: ["Passkeys"], security: callerSecurity };

function addCreation(app: App, context: UserContext): void {
  const middleware = [...requireSession(context), requireFresh(context)];

  const startRoute = createRoute({
    ...common,
    method: "post",
    path: "/passkeys/options",
    summary: "Ask for a challenge to make a passkey",
    middleware,
    responses: {
      200: jsonContent(passkeyCreation, "For navigator.credentials.create."),
      ...problems(...CHANGE, "reauthentication_required", "limit_reached"),
    },
  });
  app.openapi(startRoute, async (c) => c.json(await startPasskey(context, c.var.caller.accountId), 200));

  const addRoute = createRoute({
    ...common,
    method: "post",
    path: "/passkeys",
    summary: "Add the passkey that was made",
    middleware,
    request: jsonBody(addPasskeyRequest),
    responses: {
      201: jsonContent(passkey, "The passkey."),
      ...problems(
        ...CHANGE,
        ...BODY,
        "reauthentication_required",
        "already_exists",
        "limit_reached",
        "challenge_invalid",
        "invalid_signature",
      ),
    },
  });
  app.openapi(addRoute, async (c) =>
    c.json(await addPasskey(context, c.var.caller.accountId, c.req.valid("json"), originOf(c)), 201),
  );
}

function addUpkeep(app: App, context: UserContext): void {
  const middleware = requireSession(context);

  const renameRoute = createRoute({
    ...common,
    method: "patch",
    path: "/passkeys/{passkeyId}",
    summary: "Give a passkey another name",
    middleware,
    request: { params, ...jsonBody(renamePasskeyRequest) },
    responses: {
      200: jsonContent(passkey, "The passkey."),
      ...problems(...CHANGE, ...BODY, "not_found"),
    },
  });
  app.openapi(renameRoute, async (c) => {
    const renaming = {
      accountId: c.var.caller.accountId,
      passkeyId: c.req.valid("param").passkeyId,
      name: c.req.valid("json").name,
    };
    return c.json(await renamePasskey(context, renaming, originOf(c)), 200);
  });

  const removeRoute = createRoute({
    ...common,
    method: "delete",
    path: "/passkeys/{passkeyId}",
    summary: "Remove a passkey",
    middleware: [...middleware, requireFresh(context)],
    request: { params },
    responses: {
      204: { description: "It signs nobody in any more." },
      ...problems(...CHANGE, "bad_request", "reauthentication_required", "not_found"),
    },
  });
  app.openapi(removeRoute, async (c) => {
    const removal = { accountId: c.var.caller.accountId, passkeyId: c.req.valid("param").passkeyId };
    await removePasskey(context, removal, originOf(c));
    return c.body(null, 204);
  });
}
