import { X509Certificate } from "node:crypto";
import { type Env, parseConfig, publicUrl, serviceEnv } from "@sotto/platform/config";
import { edgeEnv } from "@sotto/platform/edge";
import { rateLimits } from "@sotto/platform/limits";
import { z } from "zod";
import { notificationLimits } from "./limits.ts";
import { pushHosts } from "./push/push-hosts.ts";
import { vapidPrivateKey, vapidSubject } from "./push/vapid-keys.ts";

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

/** One that is none would be found out at the first push only. */
const certificates = z.string().refine((text) => {
  const found = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return found.length > 0 && found.every(isCertificate);
}, "must be certificates in PEM");

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}

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
  /** Signs to push services (RFC 8292). With another key than before, devices have to subscribe anew. */
  VAPID_PRIVATE_KEY: vapidPrivateKey,
  /** `mailto:` or `https:`. Absent: PUBLIC_URL when it is https, else MAIL_FROM. */
  VAPID_SUBJECT: vapidSubject.optional(),
  /** Push services that may have private addresses or other ports than 443, such as one in the same network. */
  PUSH_PRIVATE_HOSTS: pushHosts.default(new Set<string>()),
  /** Certificates (PEM) by which push services are trusted besides those that the system trusts. */
  PUSH_CA: certificates.optional(),
  /** How long messages have waited, after somebody was told of them, when a mail says how many they are. */
  DIGEST_AFTER_MINUTES: z.coerce.number().positive().max(100_000).default(240),
  /** From one such mail to an account to the next at least. */
  DIGEST_EVERY_HOURS: z.coerce.number().positive().max(10_000).default(24),
});

export type NotificationConfig = z.infer<typeof schema>;

/** @throws ConfigError naming every bad setting. */
export function parseNotificationConfig(env: Env): NotificationConfig {
  return parseConfig(schema, env);
}
