import { createRoute } from "@hono/zod-openapi";
import { type App, createRoutes, problems } from "@sotto/platform/http";
import { z } from "zod";
import type { NotificationContext } from "../context.ts";
import { unsubscribe } from "./unsubscribe.ts";
import { TOKEN_PATTERN } from "./unsubscribe-token.ts";

/** Routes of the link that each digest holds, relative to `/api/notifications`. */
export function unsubscribeRoutes(context: NotificationContext): App {
  const app = createRoutes();
  const unsubscribeRoute = createRoute({
    method: "post",
    path: "/unsubscribe",
    tags: ["Mails"],
    summary: "Switch off the mails that tell how many messages wait, by the token of one of them",
    description:
      "Needs no session. Mail readers post `List-Unsubscribe=One-Click` here (RFC 8058); the body is not looked at, " +
      "since the token alone says what is to be done. Doing it again changes nothing.",
    request: { query: z.object({ token: z.string().regex(TOKEN_PATTERN) }) },
    responses: {
      204: { description: "No more of these mails are sent." },
      ...problems("bad_request"),
    },
  });
  app.openapi(unsubscribeRoute, async (c) => {
    await unsubscribe(context, c.req.valid("query").token);
    return c.body(null, 204);
  });
  return app;
}
