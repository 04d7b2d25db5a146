import { checkDatabase } from "@sotto/platform/db";
import { addHealth } from "@sotto/platform/health";
import { type App, addOpenApi, createApp } from "@sotto/platform/http";

import { endingRoutes } from "./accounts/ending-routes.ts";
import { usernameTaken } from "./accounts/register-account.ts";
import { accountRoutes } from "./accounts/routes.ts";
import { searchRoutes } from "./accounts/search-routes.ts";
import { auditRoutes } from "./audit/routes.ts";
import type { UserContext } from "./context.ts";
import { emailRoutes } from "./emails/routes.ts";
import { exportRoutes } from "./exports/routes.ts";
import { keyRoutes } from "./keys/routes.ts";
import { operatorRoutes } from "./operators/routes.ts";
import { passkeyExists } from "./passkeys/add-passkey.ts";
import { passkeyRoutes } from "./passkeys/routes.ts";
import { passwordRoutes } from "./passwords/routes.ts";
import { secondFactorRoutes } from "./second-factors/routes.ts";
import { ownSessionRoutes } from "./sessions/own-session-routes.ts";
import { reauthenticateRoutes } from "./sessions/reauthenticate-routes.ts";
import { sessionRoutes } from "./sessions/routes.ts";
import { signInRoutes } from "./sessions/sign-in-routes.ts";

const BASE_PATH = "/api/user";

/** The user service. Runtime-neutral: serve its `fetch`. */
export function createUserApp(context: UserContext): App {
  const app = createApp({
    log: context.log,
    edge: context.edge,
    constraints: { account_username_unique: usernameTaken, passkey_credential_unique: passkeyExists },
  });
  app.route(BASE_PATH, accountRoutes(context));
  app.route(BASE_PATH, searchRoutes(context));
  app.route(BASE_PATH, endingRoutes(context));
  app.route(BASE_PATH, emailRoutes(context));
  app.route(BASE_PATH, passwordRoutes(context));
  app.route(BASE_PATH, exportRoutes(context));
  app.route(BASE_PATH, sessionRoutes(context));
  app.route(BASE_PATH, ownSessionRoutes(context));
  app.route(BASE_PATH, auditRoutes(context));
  app.route(BASE_PATH, signInRoutes(context));
  app.route(BASE_PATH, reauthenticateRoutes(context));
  app.route(BASE_PATH, secondFactorRoutes(context));
  app.route(BASE_PATH, passkeyRoutes(context));
  app.route(BASE_PATH, operatorRoutes(context));
  // Within the installation the keys are at the well-known place; from outside they are below the service's own path.
  app.route("/", keyRoutes(context));
  app.route(BASE_PATH, keyRoutes(context));
  addHealth(app, {
    checks: { database: () => checkDatabase(context.pool) },
    metrics: context.metrics,
  });
  addOpenApi(app, { title: "Sotto user service", version: "1" }, ["session_revoked", "rate_limited"]);
  return app;
}
