import { type App, createRoutes } from "@sotto/platform/http";
import type { NotificationContext } from "../context.ts";
import { readBounces } from "./read-bounce.ts";
import { recordBounce } from "./record-bounce.ts";

/**
 * Where the mail server hands in what came back to the address that mails are sent from: `POST /bounces` with the message
 * as it is (RFC 5322). At the root of the service, which is not routed from outside, like its metrics. Answers how many
 * failures it held, and how many of them were of mails of ours.
 */
export function bounceRoutes(context: NotificationContext): App {
  const app = createRoutes();
  app.post("/bounces", async (c) => {
    const bounces = await readBounces(new Uint8Array(await c.req.arrayBuffer()));
    let recorded = 0;
    for (const bounce of bounces) if ((await recordBounce(context, bounce)) === "recorded") recorded += 1;
    return c.json({ failures: bounces.length, recorded });
  });
  return app;
}
