import { randomUUID } from "node:crypto";
import { type Env, parseConfig, publicUrl, serviceEnv } from "@sotto/platform/config";
import { edgeEnv } from "@sotto/platform/edge";
import { rateLimits } from "@sotto/platform/limits";
import { z } from "zod";
import { chatLimits } from "./limits.ts";

const positive = z.coerce.number().positive();
const count = z.coerce.number().int().min(1);

const chatEnv = z.object({
  ...serviceEnv,
  ...edgeEnv,
  PUBLIC_URL: publicUrl,
  RATE_LIMITS: rateLimits(chatLimits),
  /** Where the user service publishes the keys that verify access tokens. */
  JWKS_URL: z.url({ protocol: /^https?$/ }),
  /** For people who read logs and metrics; nodes may share it. */
  NODE_NAME: z.string().min(1).max(100).default("chat"),
  /** A direct connection for LISTEN, when DATABASE_URL goes through a pooler. */
  ADAPTER_DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  /** Messages of one device: at once, and per second in the long run. */
  SENDS_BURST: positive.default(120),
  SENDS_PER_SECOND: positive.default(20),
  /** Frames of any kind of one device, likewise. */
  FRAMES_BURST: positive.default(400),
  FRAMES_PER_SECOND: positive.default(100),
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
});

export type ChatConfig = ReturnType<typeof parseChatConfig>;

/** @throws ConfigError naming every bad setting. */
export function parseChatConfig(env: Env) {
  const settings = parseConfig(chatEnv, env);
  return {
    ...settings,
    /** New with every start: a node that starts again is another node. */
    nodeId: randomUUID(),
    sends: { burst: settings.SENDS_BURST, perSecond: settings.SENDS_PER_SECOND },
    frames: { burst: settings.FRAMES_BURST, perSecond: settings.FRAMES_PER_SECOND },
  };
}
