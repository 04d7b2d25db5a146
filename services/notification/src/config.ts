import { type Env, parseConfig, publicUrl, serviceEnv } from "@sotto/platform/config";
import { edgeEnv } from "@sotto/platform/edge";
import { rateLimits } from "@sotto/platform/limits";
import { z } from "zod";
import { notificationLimits } from "./limits.ts";

/** `name@host` or `Some Name <name@host>`. */
const mailbox = z
  .string()
  .regex(
    /^(?:[^<>\r\n]+<[^<>\s@]+@[^<>\s@]+>|[^<>\s@]+@[^<>\s@]+)$/,
    "must be an address, or Name <address>",
  );

/** Private X25519 key as a JWK (RFC 8037). */
const sealKey = z.object({
  kty: z.literal("OKP"),
  crv: z.literal("X25519"),
  x: z.base64url().length(43),
  d: z.base64url().length(43),
  kid: z.string().min(1).max(100),
});

const schema = z.object({
  ...serviceEnv,
  ...edgeEnv,
  PUBLIC_URL: publicUrl,
  RATE_LIMITS: rateLimits(notificationLimits),
  /** Where the user service publishes the keys that verify access tokens. */
  JWKS_URL: z.url({ protocol: /^https?$/ }),
  /** Private X25519 JWK, as JSON: opens the links that the user service sealed. */
  SEAL_KEY: z
    .string()
    .transform((text, context): unknown => {
      try {
        return JSON.parse(text);
      } catch {
        // The parser's own message would repeat a part of the secret.
        context.addIssue({ code: "custom", message: "not JSON" });
        return z.NEVER;
      }
    })
    .pipe(sealKey),
  /** `smtp://` or `smtps://`, with user and password when the server wants them. */
  SMTP_URL: z.url({ protocol: /^smtps?$/ }),
  MAIL_FROM: mailbox,
});

export type NotificationConfig = z.infer<typeof schema>;

/** @throws ConfigError naming every bad setting. */
export function parseNotificationConfig(env: Env): NotificationConfig {
  return parseConfig(schema, env);
}
