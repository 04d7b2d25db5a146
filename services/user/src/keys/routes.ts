import { createRoute } from "@hono/zod-openapi";
import { type App, createRoutes, problems } from "@sotto/platform/http";
import { jsonContent } from "@sotto/platform/route-parts";
import { z } from "zod";
import type { UserContext } from "../context.ts";

const publishedKey = z.object({
  kty: z.literal("OKP"),
  crv: z.literal("Ed25519"),
  x: z.string(),
  kid: z.string(),
  alg: z.literal("EdDSA"),
  use: z.literal("sig"),
});

const keysRoute = createRoute({
  method: "get",
  path: "/.well-known/jwks.json",
  tags: ["Keys"],
  summary: "Keys that verify access tokens",
  responses: {
    200: jsonContent(z.object({ keys: z.array(publishedKey) }), "A JWK set (RFC 7517)."),
    ...problems("unavailable"),
  },
});

/** The published keys, for services that verify access tokens. */
export function keyRoutes({ signingKeys }: Pick<UserContext, "signingKeys">): App {
  const app = createRoutes();
  // Verifiers fetch again when they meet an unknown key. Without its keys the service answers 503: an empty set would
  // make them refuse for good what they only cannot judge now.
  app.openapi(keysRoute, async (c) =>
    c.json({ keys: await signingKeys.published() }, 200, { "Cache-Control": "public, max-age=300" }),
  );
  return app;
}
