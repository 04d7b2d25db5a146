import { limits } from "@sotto/contracts/limits";
import { checkDatabase } from "@sotto/platform/db";
import { addHealth } from "@sotto/platform/health";
import { type App, addOpenApi, createApp } from "@sotto/platform/http";
import { accountRoutes } from "./accounts/routes.ts";
import type { ChatContext } from "./context.ts";
import { conversationRoutes } from "./conversations/routes.ts";
import { inboxRoutes } from "./delivery/routes.ts";
import { deviceConstraints } from "./devices/device-constraints.ts";
import { deviceBodyLimits, deviceRoutes } from "./devices/routes.ts";
import { messageRoutes } from "./messages/routes.ts";
import { peopleRoutes } from "./people/routes.ts";
import { privacyRoutes } from "./privacy/routes.ts";

const BASE_PATH = "/api/chat";

/** The REST side of the chat service. Runtime-neutral: serve its `fetch`. */
export function createChatApp(context: ChatContext): App {
  const app = createApp({
    log: context.log,
    edge: context.edge,
    constraints: deviceConstraints,
    bodyLimits: [...deviceBodyLimits, { path: /^\/api\/chat\/messages$/, bytes: limits.frameBytes }],
  });
  app.route(BASE_PATH, deviceRoutes(context));
  app.route(BASE_PATH, conversationRoutes(context));
  app.route(BASE_PATH, messageRoutes(context));
  app.route(BASE_PATH, inboxRoutes(context));
  app.route(BASE_PATH, peopleRoutes(context));
  app.route(BASE_PATH, privacyRoutes(context));
  app.route(BASE_PATH, accountRoutes(context));
  addHealth(app, {
    checks: { database: () => checkDatabase(context.pool), broker: () => context.bus.check() },
    metrics: context.metrics,
  });
  addOpenApi(app, { title: "Sotto chat service", version: "1" });
  return app;
}
