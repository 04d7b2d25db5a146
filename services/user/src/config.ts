import { type Env, parseConfig, publicUrl, serviceEnv } from "@sotto/platform/config";
import { edgeEnv } from "@sotto/platform/edge";
import { rateLimits } from "@sotto/platform/limits";
import { z } from "zod";
import { userLimits } from "./limits.ts";

/** Public half of an X25519 key as a JWK (RFC 8037). */
const sealKey = z.object({
  kty: z.literal("OKP"),
  crv: z.literal("X25519"),
  x: z.base64url().length(43),
  kid: z.string().min(1).max(100),
});

const userEnv = z.object({
  ...serviceEnv,
  ...edgeEnv,
  PUBLIC_URL: publicUrl,
  RATE_LIMITS: rateLimits(userLimits),
  /** 32 random bytes as base64url: seals what the database must not give away (TOTP secrets, signing keys, challenges). */
  ACCOUNT_SECRET: z.base64url().length(43),
  /** Public X25519 JWK of the notification service, as JSON: links in events are encrypted to it. */
  NOTIFICATION_SEAL_KEY: json(sealKey),
  /** Days for which a key signs access tokens before the next one does. */
  SIGNING_KEY_DAYS: z.coerce.number().min(1).max(3650).default(30),
  /** Days between asking for the deletion of an account and the deletion. */
  DELETION_GRACE_DAYS: z.coerce.number().min(0).max(365).default(30),
  /** Days for which entries of the audit log are kept. */
  AUDIT_DAYS: z.coerce.number().int().min(1).max(36_500).default(365),
  /** Score of zxcvbn (0 to 4) that a new password needs at least. */
  PASSWORD_MIN_SCORE: z.coerce.number().int().min(0).max(4).default(3),
  /** Password hashes that may wait for a core; more are refused. */
  PASSWORD_HASH_MAX_WAITING: z.coerce.number().int().min(0).max(10_000).default(64),
  /** Password hashes that run at once; as many as there are cores when absent. */
  PASSWORD_HASH_THREADS: z.coerce.number().int().min(1).max(256).optional(),
});

export type UserConfig = z.infer<typeof userEnv>;
export type SealKey = z.infer<typeof sealKey>;

/** @throws ConfigError naming every bad setting. */
export function parseUserConfig(env: Env): UserConfig {
  return parseConfig(userEnv, env);
}

function json<S extends z.ZodType>(schema: S) {
  return z
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
    .pipe(schema);
}
