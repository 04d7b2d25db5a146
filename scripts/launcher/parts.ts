// The processes of an installation on one machine, and what each is told by its environment.
import path from "node:path";
import { ROLES, type ServiceRole } from "../../db/roles.ts";
import type { ChildSpec } from "./child-process.ts";
import { limitsFor } from "./rate-limits.ts";
import type { Secrets } from "./secrets.ts";
import { DEFAULT_PORT, type Settings } from "./settings.ts";

/** Ports of an installation at the usual address; another one is taken where something else listens already. */
const USUAL_PORTS = {
  user: 8081,
  "chat-1": 8082,
  notification: 8083,
  "chat-2": 8084,
  relay: 8085,
  mail: 8086,
  smtp: 8025,
} as const;

type PartName = keyof typeof USUAL_PORTS;
export type Ports = Readonly<Record<PartName | "gateway", number>>;

/**
 * The ports that the parts would like. An installation at another address than the usual one takes any: two on one
 * machine must not trade ports while their parts die and come back.
 */
export function wantedPorts({ port }: Pick<Settings, "port">): Readonly<Record<PartName, number>> {
  if (port === DEFAULT_PORT) return USUAL_PORTS;
  return Object.fromEntries(Object.keys(USUAL_PORTS).map((name) => [name, 0])) as Record<PartName, number>;
}

export interface PartsInput {
  /** Of the repository. */
  readonly root: string;
  readonly settings: Settings;
  readonly secrets: Secrets;
  readonly ports: Ports;
  /** Of the owner, with the database of the installation. */
  readonly databaseUrl: string;
  readonly publicUrl: string;
}

/** Everything that listens, with the name of the process. `smtp` is the second port of the mail catcher. */
export function originOf(ports: Ports, name: keyof Ports): string {
  return `http://127.0.0.1:${ports[name]}`;
}

function databaseUrlFor(role: ServiceRole, { databaseUrl, secrets }: PartsInput): string {
  const url = new URL(databaseUrl);
  url.username = ROLES[role];
  url.password = secrets.databasePasswords[role];
  return url.href;
}

/** For the gateway: the processes behind each route. */
function backends(ports: Ports): string {
  const of = (...names: (keyof Ports)[]): { name: string; url: string }[] =>
    names.map((name) => ({ name, url: originOf(ports, name) }));
  return JSON.stringify({
    user: of("user"),
    chat: of("chat-1", "chat-2"),
    notification: of("notification"),
    mail: of("mail"),
    relay: of("relay"),
  });
}

function part(input: PartsInput, name: keyof Ports, script: string, env: Record<string, string>): ChildSpec {
  return {
    name,
    script: path.join(input.root, script),
    readyUrl: `${originOf(input.ports, name)}/health/ready`,
    env: { HOST: "127.0.0.1", PORT: String(input.ports[name]), LOG_LEVEL: input.settings.logLevel, ...env },
  };
}

function publicHalf({ d: _private, ...key }: Secrets["notificationKey"]) {
  return key;
}

/** The settings that have a value. */
function given(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

/** The processes, without PostgreSQL, in the order of their start; they end in the opposite order. */
export function partSpecs(input: PartsInput): ChildSpec[] {
  const { settings, secrets, ports, publicUrl } = input;
  const main = (service: string): string => `services/${service}/src/main.ts`;
  const serviceEnv = (role: ServiceRole): Record<string, string> => ({
    DATABASE_URL: databaseUrlFor(role, input),
    JWKS_URL: `${originOf(ports, "user")}/.well-known/jwks.json`,
    PUBLIC_URL: publicUrl,
    ...given({
      MESSAGE_BROKER_URL: settings.brokerUrl,
      MESSAGE_BROKER_CA: settings.brokerCa,
      MESSAGE_BROKER_CA_FILE: settings.brokerCaFile,
      CORS_ORIGINS: settings.corsOrigins,
      RATE_LIMITS:
        role === "relay" || !settings.rateLimits ? undefined : limitsFor(role, settings.rateLimits),
    }),
  });
  const chat = (name: "chat-1" | "chat-2"): ChildSpec =>
    part(input, name, main("chat"), {
      ...serviceEnv("chat"),
      ...given({
        DEFAULT_WHO_MAY_WRITE_FIRST: settings.whoMayWriteFirst,
        WAITING_GRACE_SECONDS: settings.waitingGraceSeconds,
      }),
      NODE_NAME: name,
    });
  return [
    part(input, "user", main("user"), {
      ...serviceEnv("user"),
      ...given({ DELETION_GRACE_DAYS: settings.deletionGraceDays }),
      ACCOUNT_SECRET: secrets.accountSecret,
      NOTIFICATION_SEAL_KEY: JSON.stringify(publicHalf(secrets.notificationKey)),
    }),
    chat("chat-1"),
    chat("chat-2"),
    part(input, "relay", main("relay"), serviceEnv("relay")),
    part(input, "mail", "scripts/embedded/mail.ts", {
      SMTP_PORT: String(ports.smtp),
      MAIL_DIR: path.join(settings.dataDir, "mail"),
    }),
    part(input, "notification", main("notification"), {
      ...serviceEnv("notification"),
      ...given({
        DIGEST_AFTER_MINUTES: settings.digestAfterMinutes,
        DIGEST_EVERY_HOURS: settings.digestEveryHours,
      }),
      SMTP_URL: settings.smtpUrl ?? `smtp://127.0.0.1:${ports.smtp}`,
      ...(settings.mail.MAIL_FROM_FILE ? {} : { MAIL_FROM: "Sotto <no-reply@sotto.localhost>" }),
      ...settings.mail,
      SEAL_KEY: JSON.stringify(secrets.notificationKey),
      VAPID_PRIVATE_KEY: secrets.vapidPrivateKey,
      ...given({
        VAPID_SUBJECT: settings.vapidSubject,
        PUSH_PRIVATE_HOSTS: settings.pushPrivateHosts,
        PUSH_CA_FILE: settings.pushCaFile,
      }),
    }),
    part(input, "gateway", main("gateway"), { PUBLIC_URL: publicUrl, BACKENDS: backends(ports) }),
  ];
}
