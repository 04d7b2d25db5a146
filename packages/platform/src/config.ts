import { readFileSync } from "node:fs";
import { z } from "zod";

/** Names every setting that is missing or wrong; thrown before anything starts. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`The configuration is not usable:\n${problems.map((problem) => `  - ${problem}`).join("\n")}`);
    this.name = "ConfigError";
    this.problems = problems;
  }
}

export type Env = Readonly<Record<string, string | undefined>>;

const port = z.coerce.number().int().min(0).max(65_535);

/** Settings of every service. */
export const serviceEnv = {
  NODE_ENV: z.enum(["development", "production", "test"]).default("development"),
  HOST: z.string().min(1).default("127.0.0.1"),
  PORT: port,
  LOG_LEVEL: z.enum(["trace", "debug", "info", "warn", "error", "fatal"]).default("info"),
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }),
  /** `amqp://` or `amqps://` selects RabbitMQ; absent, events travel through PostgreSQL. */
  MESSAGE_BROKER_URL: z.url({ protocol: /^amqps?$/ }).optional(),
  /** PEM: who may have signed the certificate of an `amqps://` broker; absent, the authorities that Node knows. */
  MESSAGE_BROKER_CA: z.string().includes("-----BEGIN CERTIFICATE-----", "no certificate in PEM").optional(),
  /** Set by the launcher: the service ends when this process does. */
  SOTTO_PARENT_PID: z.coerce.number().int().positive().optional(),
} as const;

/** Where browsers reach this installation; its origin may act by cookie. `https` makes the cookies Secure. */
export const publicUrl = z.url({ protocol: /^https?$/ });

/**
 * Parses the environment with `schema`. `NAME_FILE` names a file that holds the value of `NAME` (a trailing newline is dropped).
 * @throws ConfigError naming every bad value at once; values themselves are never shown.
 */
export function parseConfig<S extends z.ZodObject>(schema: S, env: Env): z.infer<S> {
  const values: Record<string, string> = {};
  const problems: string[] = [];
  for (const name of Object.keys(schema.shape)) {
    const value = readSetting(name, env, problems);
    if (value !== undefined) values[name] = value;
  }
  const parsed = schema.safeParse(values);
  for (const issue of parsed.error?.issues ?? []) {
    const name = String(issue.path[0] ?? "");
    const state = values[name] === undefined ? "is missing" : `is not valid: ${issue.message}`;
    if (!problems.some((problem) => problem.startsWith(`${name} `))) problems.push(`${name} ${state}`);
  }
  if (problems.length > 0 || !parsed.success) throw new ConfigError(problems);
  return parsed.data;
}

function readSetting(name: string, env: Env, problems: string[]): string | undefined {
  const direct = env[name];
  const file = env[`${name}_FILE`];
  if (direct && file) problems.push(`${name} is set twice: directly and by ${name}_FILE`);
  if (direct) return direct;
  if (!file) return undefined;
  try {
    return readFileSync(file, "utf8").replace(/\r?\n$/, "");
  } catch (error) {
    problems.push(
      `${name} cannot be read from the file named by ${name}_FILE (${(error as NodeJS.ErrnoException).code})`,
    );
    return undefined;
  }
}
