import { parseArgs } from "node:util";

export interface BenchArguments {
  /** In the order of the command line, or all but those that must be named. */
  readonly scenarios: readonly string[];
  /** Of one measurement, without warm-up. */
  readonly seconds: number;
  /** Idle connections at the most. */
  readonly connections: number;
  /** That go through the outbox in `outbox-size`. */
  readonly events: number;
  /** Print nothing but JSON lines. */
  readonly jsonOnly: boolean;
  /** Folder for CPU profiles of the services and the database's statements; absent: none are made. */
  readonly profileDir: string | undefined;
}

const OPTIONS = {
  seconds: { type: "string", default: "12" },
  connections: { type: "string", default: "2000" },
  events: { type: "string", default: "10000000" },
  json: { type: "boolean", default: false },
  profile: { type: "string" },
} as const;

function wholeNumber(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < min || value > max)
    throw new Error(`--${name} must be a whole number from ${min} to ${max}, not "${text}".`);
  return value;
}

/** @throws Error that tells a person what is wrong with the command line. */
export function parseBenchArguments(
  args: readonly string[],
  known: readonly string[],
  onlyWhenNamed: readonly string[] = [],
): BenchArguments {
  const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  const unknown = positionals.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new Error(`There is no scenario ${unknown.join(", ")}. There are: ${known.join(", ")}.`);
  return {
    scenarios: positionals.length > 0 ? positionals : known.filter((name) => !onlyWhenNamed.includes(name)),
    seconds: wholeNumber("seconds", values.seconds, 1, 3600),
    connections: wholeNumber("connections", values.connections, 100, 10_000),
    events: wholeNumber("events", values.events, 10_000, 1_000_000_000),
    jsonOnly: values.json,
    profileDir: values.profile,
  };
}
