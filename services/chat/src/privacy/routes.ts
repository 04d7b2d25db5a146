import { createRoute } from "@hono/zod-openapi";
import { privacySettings, updatePrivacySettingsRequest } from "@sotto/contracts/people-api";
import { type App, createRoutes, problems } from "@sotto/platform/http";
import { callerSecurity, jsonBody, jsonContent } from "@sotto/platform/route-parts";
import { admitCaller, callerProblems } from "../admit-caller.ts";
import type { ChatContext } from "../context.ts";
import { getPrivacy } from "./get-privacy.ts";
import { updatePrivacy } from "./update-privacy.ts";

const tags = ["settings"];
const path = "/settings/privacy";

const read = createRoute({
  method: "get",
  path,
  tags,
  security: callerSecurity,
  summary: "What the caller lets others do",
  responses: { 200: jsonContent(privacySettings, "The settings"), ...problems(...callerProblems) },
});

const update = createRoute({
  method: "patch",
  path,
  tags,
  security: callerSecurity,
  summary: "Change some of these settings",
  request: jsonBody(updatePrivacySettingsRequest),
  responses: {
    200: jsonContent(privacySettings, "All settings"),
    ...problems(...callerProblems, "session_revoked", "payload_too_large"),
  },
});

/** Privacy settings; paths are relative to `/api/chat`. */
export function privacyRoutes(context: ChatContext): App {
  const app = createRoutes();
  app.use(path, admitCaller(context));
  app.openapi(read, async (c) => c.json(await getPrivacy(context, c.var.caller), 200));
  app.openapi(update, async (c) =>
    c.json(await updatePrivacy(context, c.var.caller, c.req.valid("json")), 200),
  );
  return app;
}
