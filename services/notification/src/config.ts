import { createPrivateKey, X509Certificate } from "node:crypto";
import { type Env, parseConfig, publicUrl, serviceEnv } from "@sotto/platform/config";
import { edgeEnv } from "@sotto/platform/edge";
import { rateLimits } from "@sotto/platform/limits";
import { z } from "zod";
import { languages } from "./email/languages/choose-language.ts";
import type { SmtpOptions } from "./email/smtp.ts";
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

/** In lower case. */
const domainOf = (from: string): string => (/@([^@<>\s]+)>?$/.exec(from)?.[1] ?? "").toLowerCase();

const MIN_RSA_BITS = 1024;

function isSigningKey(pem: string): boolean {
  try {
    const { asymmetricKeyType, asymmetricKeyDetails } = createPrivateKey(pem);
    return asymmetricKeyType === "rsa" && (asymmetricKeyDetails?.modulusLength ?? 0) >= MIN_RSA_BITS;
  } catch {
    // Not a key; the parser's message is left out, as it may repeat some of it.
    return false;
  }
}

/** Private X25519 key as a JWK (RFC 8037). */
const sealKey = z.object({
  kty: z.literal("OKP"),
  crv: z.literal("X25519"),
  x: z.base64url().length(43),
  d: z.base64url().length(43),
  kid: z.string().min(1).max(100),
});

/** One that is none would be found out at the first connection only. */
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

const settings = z.object({
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
  /** For `smtp://`: whether nothing is said to a server without STARTTLS. By itself whenever there is a password. */
  SMTP_STARTTLS: z.enum(["required", "optional"]).optional(),
  /** Certificate authorities of the mail server, in PEM; absent, those that are known everywhere. */
  SMTP_CA: certificates.optional(),
  MAIL_FROM: mailbox,
  /** Signs to push services (RFC 8292). With another key than before, devices have to subscribe anew. */
  VAPID_PRIVATE_KEY: vapidPrivateKey,
  /** `mailto:` or `https:`. Absent: PUBLIC_URL when it is https, else MAIL_FROM. */
  VAPID_SUBJECT: vapidSubject.optional(),
  /** Push services that may have private addresses or other ports than 443, such as one in the same network. */
  PUSH_PRIVATE_HOSTS: pushHosts.default(new Set<string>()),
  /** Certificates (PEM) by which push services are trusted besides those that the system trusts. */
  PUSH_CA: certificates.optional(),
  /** Of mails to people who have chosen none, or one that there are no texts in. */
  DEFAULT_LANGUAGE: z.enum(languages).default("en"),
  /** How long messages have waited, after somebody was told of them, when a mail says how many they are. */
  DIGEST_AFTER_MINUTES: z.coerce.number().positive().max(100_000).default(240),
  /** From one such mail to an account to the next at least. */
  DIGEST_EVERY_HOURS: z.coerce.number().positive().max(10_000).default(24),
  DKIM_DOMAIN: z
    .string()
    .toLowerCase()
    .regex(/^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/, "must be a domain")
    .optional(),
  DKIM_SELECTOR: z
    .string()
    .regex(/^[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*$/, "must be a label")
    .optional(),
  /** RSA, in PEM. */
  DKIM_PRIVATE_KEY: z
    .string()
    .refine(isSigningKey, "not a private RSA key of 1024 bits or more in PEM")
    .optional(),
});

const schema = settings.superRefine((config, context) => {
  const names = ["DKIM_DOMAIN", "DKIM_SELECTOR", "DKIM_PRIVATE_KEY"] as const;
  const absent = names.filter((name) => config[name] === undefined);
  if (absent.length > 0 && absent.length < names.length)
    for (const name of absent)
      context.addIssue({ code: "custom", path: [name], message: "must be set with the other two of DKIM" });
  // Receivers compare both (RFC 7489 section 3.1.1): a signature of another domain is worth nothing.
  const { DKIM_DOMAIN: signer } = config;
  const sender = domainOf(config.MAIL_FROM);
  if (signer !== undefined && sender !== signer && !sender.endsWith(`.${signer}`))
    context.addIssue({ code: "custom", path: ["DKIM_DOMAIN"], message: "is not the domain of MAIL_FROM" });
});

export type NotificationConfig = z.infer<typeof schema>;

/** @throws ConfigError naming every bad setting. */
export function parseNotificationConfig(env: Env): NotificationConfig {
  return parseConfig(schema, env);
}

/** How the mail server is spoken to. */
export function smtpOptions(config: NotificationConfig): SmtpOptions {
  const { DKIM_DOMAIN: domain, DKIM_SELECTOR: selector, DKIM_PRIVATE_KEY: privateKey } = config;
  const hasPassword = new URL(config.SMTP_URL).password !== "";
  return {
    url: config.SMTP_URL,
    from: config.MAIL_FROM,
    requireTls: (config.SMTP_STARTTLS ?? (hasPassword ? "required" : "optional")) === "required",
    ca: config.SMTP_CA,
    ...(domain && selector && privateKey && { dkim: { domain, selector, privateKey } }),
  };
}
