import { type App, createApp } from "@sotto/platform/http";
import type { GatewayContext } from "./context.ts";
import { readAssets } from "./docs/docs-assets.ts";
import { docsPage } from "./docs/docs-page.ts";
import { linkPages } from "./pages/link-page.ts";
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
  for (const [path, { html, headers }] of linkPages) app.get(path, (c) => c.html(html, 200, { ...headers }));
  addDocs(app);
  app.get("/status.json", async (c) => {
    return c.json(await readStatus(config.BACKENDS));
  });
  app.get("/health/live", (c) => c.json({ status: "ok" }));
  // The gateway works without any one backend; what is wrong with them is on the status page.
  app.get("/health/ready", (c) => c.json({ status: "ok" }));
  return app;
}

function addDocs(app: App): void {
  app.get("/api/docs", (c) => {
    c.header("Content-Security-Policy", docsPage.contentSecurityPolicy);
    c.header("Cache-Control", "no-cache");
    return c.html(docsPage.html);
  });
  const assets = readAssets();
  // Told when one is asked for, rather than ending the process.
  assets.catch(() => undefined);
  app.get("/api/docs/:version/:file", async (c) => {
    const asset = (await assets).get(c.req.path);
    if (!asset) return c.notFound();
    return c.body(asset.body, 200, {
      "Content-Type": asset.type,
      "Cache-Control": "public, max-age=31536000, immutable",
    });
  });
}
