import { type App, createApp } from "@sotto/platform/http";
import type { GatewayContext } from "./context.ts";
import { readStatus } from "./status/read-status.ts";
import { createStatusPage } from "./status/status-page.ts";

/** The gateway's own pages; everything else is passed on before it gets here. */
export function createGatewayApp({ config, log }: Pick<GatewayContext, "config" | "log">): App {
  const app = createApp({ log });
  const page = createStatusPage(config.PUBLIC_URL);
  app.get("/", (c) => {
    c.header("Content-Security-Policy", page.contentSecurityPolicy);
    c.header("Cache-Control", "no-cache");
    return c.html(page.html);
  });
  app.get("/status.json", async (c) => {
    c.header("Cache-Control", "no-store");
    return c.json(await readStatus(config.BACKENDS));
  });
  app.get("/health/live", (c) => c.json({ status: "ok" }));
  // The gateway works without any one backend; what is wrong with them is on the status page.
  app.get("/health/ready", (c) => c.json({ status: "ok" }));
  return app;
}
