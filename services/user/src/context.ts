import { randomBytes } from "node:crypto";
import { availableParallelism } from "node:os";
import { type Clock, systemClock } from "@sotto/platform/clock";
import { createDatabase, type Database } from "@sotto/platform/db";
import type { AccountDatabase } from "@sotto/platform/db-types/account";
import { type Edge, edgeOf } from "@sotto/platform/edge";
import { type Ids, systemIds } from "@sotto/platform/ids";
import { createLimits, type Limits } from "@sotto/platform/limits";
import { createLogger, type Logger } from "@sotto/platform/log";
import { createMetrics, type Registry } from "@sotto/platform/metrics";
import { createFailureLog, type FailureLog } from "./audit/failure-log.ts";
import type { SealKey, UserConfig } from "./config.ts";
import { type AccessTokens, createAccessTokens } from "./keys/access-tokens.ts";
import { createSigningKeys, type SigningKeys } from "./keys/signing-keys.ts";
import type { UserLimit } from "./limits.ts";
import { type Afterwards, createAfterwards } from "./passwords/afterwards.ts";
import { createHashThreads } from "./passwords/hash-threads.ts";
import { type Argon2, createPasswordHasher, type PasswordHasher } from "./passwords/password-hasher.ts";
import { createStrengthJudge, type StrengthJudge } from "./passwords/strength-judge.ts";
import { createWorkQueue } from "./passwords/work-queue.ts";
import { createSealer, type Sealer } from "./sealing/sealer.ts";
import type { CookiePolicy } from "./sessions/session-cookies.ts";

/** Sources of time, identity and chance, and the password hash. */
export type UserSources = {
  clock: Clock;
  ids: Ids;
  randomBytes: (size: number) => Buffer;
  argon2: Argon2;
};

export type UserContext = Pick<UserSources, "clock" | "ids" | "randomBytes"> &
  Database<AccountDatabase> & {
    log: Logger;
    metrics: Registry;
    signingKeys: SigningKeys;
    /** Days for which a key signs before the next one does. */
    signingKeyDays: number;
    accessTokens: AccessTokens;
    passwords: PasswordHasher;
    strength: StrengthJudge;
    passwordMinScore: number;
    afterwards: Afterwards;
    sealer: Sealer;
    limits: Limits<UserLimit>;
    /** Days for which entries of the audit log are kept. */
    auditDays: number;
    deletionGraceDays: number;
    /** Links in events are sealed to it. */
    notificationSealKey: SealKey;
    edge: Edge;
    failures: FailureLog;
    /** Origin (RFC 6454) of the pages that may act by cookie, and of the links in mails. */
    publicOrigin: string;
    cookies: CookiePolicy;
  };

const DATABASE_CONNECTIONS = 10;

const systemSources: Omit<UserSources, "argon2"> = {
  clock: systemClock,
  ids: systemIds,
  randomBytes: (size) => randomBytes(size),
};

/** Everything the user service works with. `close` finishes what was put off and ends its database connections. */
export async function createContext(
  config: UserConfig,
  sources: Partial<UserSources> = {},
): Promise<UserContext> {
  const hashThreads = createHashThreads();
  const { argon2, ...used } = { ...systemSources, argon2: hashThreads, ...sources };
  const log = createLogger({ service: "user", level: config.LOG_LEVEL });
  const publicUrl = new URL(config.PUBLIC_URL);
  const queue = createWorkQueue({
    concurrency: config.PASSWORD_HASH_THREADS ?? availableParallelism(),
    maxWaiting: config.PASSWORD_HASH_MAX_WAITING,
  });
  const database = createDatabase<AccountDatabase>({
    url: config.DATABASE_URL,
    max: DATABASE_CONNECTIONS,
    applicationName: "sotto-user",
    log,
  });
  const sealer = createSealer({
    secret: Buffer.from(config.ACCOUNT_SECRET, "base64url"),
    randomBytes: used.randomBytes,
  });
  const signingKeyDays = config.SIGNING_KEY_DAYS;
  const signingKeys = createSigningKeys({ ...used, db: database.db, log, sealer, signingKeyDays });
  const failures = createFailureLog({ ...used, ...database, log });
  const strength = createStrengthJudge();
  const afterwards = createAfterwards({ log });
  return {
    ...used,
    ...database,
    async close() {
      await Promise.all([afterwards.finish(), failures.idle()]);
      await Promise.all([strength.close(), hashThreads.close(), database.close()]);
    },
    failures,
    auditDays: config.AUDIT_DAYS,
    edge: edgeOf(config),
    limits: createLimits(config.RATE_LIMITS, {
      pool: database.pool,
      schema: "account",
      clock: used.clock,
      log,
    }),
    log,
    metrics: createMetrics(),
    signingKeys,
    signingKeyDays,
    accessTokens: createAccessTokens({ signingKeys, clock: used.clock }),
    sealer,
    passwords: createPasswordHasher({ argon2, queue }),
    strength,
    passwordMinScore: config.PASSWORD_MIN_SCORE,
    afterwards,
    deletionGraceDays: config.DELETION_GRACE_DAYS,
    notificationSealKey: config.NOTIFICATION_SEAL_KEY,
    publicOrigin: publicUrl.origin,
    cookies: { secure: publicUrl.protocol === "https:" },
  };
}
