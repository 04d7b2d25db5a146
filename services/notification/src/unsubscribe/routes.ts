import { createRoute } from "@hono/zod-openapi";
import { type App, createRoutes, problems } from "@sotto/platform/http";
import { html } from "hono/html";
import { z } from "zod";
import type { NotificationContext } from "../context.ts";
import { unsubscribe } from "./unsubscribe.ts";
import { TOKEN_PATTERN } from "./unsubscribe-token.ts";

const query = z.object({ token: z.string().regex(TOKEN_PATTERN) });

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
    request: { query },
    responses: {
      204: { description: "No more of these mails are sent." },
      ...problems("bad_request"),
    },
  });
  app.openapi(unsubscribeRoute, async (c) => {
    await unsubscribe(context, c.req.valid("query").token);
    return c.body(null, 204);
  });
  const pageRoute = createRoute({
    method: "get",
    path: "/unsubscribe",
    tags: ["Mails"],
    summary: "Go on to the page that asks whether to switch these mails off",
    description:
      "For mail readers that open the address (RFC 2369) instead of posting to it. Changes nothing.",
    request: { query },
    responses: {
      200: { description: "Leads on to `/unsubscribe`.", content: { "text/html": { schema: z.string() } } },
      ...problems("bad_request"),
    },
  });
  app.openapi(pageRoute, (c) => c.html(leadOn(c.req.valid("query").token)));
  return app;
}

/** The page takes the token from behind the `#`, as that of every mail's link. */
function leadOn(token: string) {
  const page = `/unsubscribe#token=${token}`;
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="0; url=${page}">
<title>Stop mails about waiting messages</title></head>
<body><a href="${page}">Stop mails about waiting messages</a></body></html>
`;
}
