import path from "node:path";

export interface Settings {
  readonly dataDir: string;
  /** 0: any free port. */
  readonly port: number;
  readonly logLevel: string;
  /** Where people reach the installation when a proxy of yours stands in front; absent: the gateway itself. */
  readonly publicUrl: string | undefined;
  readonly brokerUrl: string | undefined;
  /** PEM, or the file that holds it. */
  readonly brokerCa: string | undefined;
  readonly brokerCaFile: string | undefined;
  readonly smtpUrl: string | undefined;
  /** What else is set of mail, by the names that the notification service reads. */
  readonly mail: Readonly<Record<string, string>>;
  /** JSON; see rate-limits.ts. */
  readonly rateLimits: string | undefined;
  /** Pages of other origins that may call with a token. */
  readonly corsOrigins: string | undefined;
  /** Of accounts that have not decided themselves. */
  readonly whoMayWriteFirst: string | undefined;
  /** Days between asking for the deletion of an account and the deletion. */
  readonly deletionGraceDays: string | undefined;
  /** Whom push services write to. */
  readonly vapidSubject: string | undefined;
  /** Push services in a private network, or at other ports than 443. */
  readonly pushPrivateHosts: string | undefined;
  /** File with the certificates by which they are trusted. */
  readonly pushCaFile: string | undefined;
  /** Seconds that a message waits for an absent device before its account is told by other means. */
  readonly waitingGraceSeconds: string | undefined;
  /** Minutes from then to the mail that says how many wait, and hours from one such mail to the next. */
  readonly digestAfterMinutes: string | undefined;
  readonly digestEveryHours: string | undefined;
}

/** See docs/mail.md. */
const MAIL_SETTINGS = [
  "SMTP_STARTTLS",
  "SMTP_CA",
  "MAIL_FROM",
  "DEFAULT_LANGUAGE",
  "DKIM_DOMAIN",
  "DKIM_SELECTOR",
  "DKIM_PRIVATE_KEY",
].flatMap((name) => [name, `${name}_FILE`]);

function givenOf(names: readonly string[], env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    names.map((name) => [name, env[name] ?? ""] as const).filter(([, value]) => value !== ""),
  );
}

/** Of the gateway. */
export const DEFAULT_PORT = 8080;

function parsePort(text: string | undefined): number {
  if (text === undefined || text === "") return DEFAULT_PORT;
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535)
    throw new Error(`PORT must be a number from 0 to 65535, not "${text}".`);
  return port;
}

/** A file is given relative to where the launcher was started; its parts start elsewhere. */
function absolute(file: string | undefined): string | undefined {
  return file ? path.resolve(file) : undefined;
}

/** What the environment says about how to start. `root`: of the repository. */
export function readSettings(env: NodeJS.ProcessEnv, root: string): Settings {
  const given = (name: string): string | undefined => env[name] || undefined;
  return {
    dataDir: path.resolve(env.SOTTO_DATA_DIR || path.join(root, ".data")),
    port: parsePort(env.PORT),
    logLevel: env.LOG_LEVEL || "info",
    mail: givenOf(MAIL_SETTINGS, env),
    publicUrl: given("PUBLIC_URL"),
    brokerUrl: given("MESSAGE_BROKER_URL"),
    brokerCa: given("MESSAGE_BROKER_CA"),
    brokerCaFile: absolute(env.MESSAGE_BROKER_CA_FILE),
    smtpUrl: given("SMTP_URL"),
    rateLimits: given("RATE_LIMITS"),
    corsOrigins: given("CORS_ORIGINS"),
    whoMayWriteFirst: given("DEFAULT_WHO_MAY_WRITE_FIRST"),
    deletionGraceDays: given("DELETION_GRACE_DAYS"),
    vapidSubject: given("VAPID_SUBJECT"),
    pushPrivateHosts: given("PUSH_PRIVATE_HOSTS"),
    pushCaFile: absolute(env.PUSH_CA_FILE),
    waitingGraceSeconds: given("WAITING_GRACE_SECONDS"),
    digestAfterMinutes: given("DIGEST_AFTER_MINUTES"),
    digestEveryHours: given("DIGEST_EVERY_HOURS"),
  };
}
