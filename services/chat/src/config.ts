import { randomUUID } from "node:crypto";
import { privacySettings } from "@sotto/contracts/people-api";
import { type Env, parseConfig, publicUrl, serviceEnv } from "@sotto/platform/config";
import { edgeEnv } from "@sotto/platform/edge";
import { rateLimits } from "@sotto/platform/limits";
import { z } from "zod";
import { chatLimits, nodeLimits } from "./limits.ts";

const count = z.coerce.number().int().min(1);

const chatEnv = z.object({
  ...serviceEnv,
  ...edgeEnv,
  PUBLIC_URL: publicUrl,
  /** Where the user service publishes the keys that verify access tokens. */
  JWKS_URL: z.url({ protocol: /^https?$/ }),
  /** For people who read logs and metrics; nodes may share it. */
  NODE_NAME: z.string().min(1).max(100).default("chat"),
  /** A direct connection for LISTEN, when DATABASE_URL goes through a pooler. */
  ADAPTER_DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  /** How often every connection is compared with the database, in milliseconds. */
  SWEEP_INTERVAL_MS: count.max(60_000).default(3000),
  /** Batches of messages that are stored at the same time; each has a database connection. */
  COMMIT_LANES: count.max(16).default(1),
  COMMIT_BATCH: count.max(1000).default(256),
  /** Messages that may wait to be stored, and their size in MiB. */
  COMMIT_WAITING: count.default(20_000),
  COMMIT_WAITING_MIB: count.default(128),
  /** Age in seconds of an unacknowledged envelope after which an absent device is told by other means. */
  WAITING_GRACE_SECONDS: count.default(30),
  /** How long an envelope is kept, and how many a mailbox holds, before the oldest are dropped and a gap is told. */
  MAILBOX_DAYS: count.default(30),
  MAILBOX_ENVELOPES: count.default(10_000),
  /** Whose first messages an account takes that has not said so. */
  DEFAULT_WHO_MAY_WRITE_FIRST: privacySettings.shape.whoMayWriteFirst.default("everyone"),
  /** JSON; see limits.ts. */
  RATE_LIMITS: rateLimits({ ...chatLimits, ...nodeLimits }),
});

export type ChatConfig = ReturnType<typeof parseChatConfig>;

/** @throws ConfigError naming every bad setting. */
export function parseChatConfig(env: Env) {
  const settings = parseConfig(chatEnv, env);
  return {
    ...settings,
    /** New with every start: a node that starts again is another node. */
    nodeId: randomUUID(),
  };
}
