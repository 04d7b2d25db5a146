// npm run bench [-- [--seconds N] [--connections N] [--events N] [--json] [--profile FOLDER] [scenario …]]
import { type BenchArguments, parseBenchArguments } from "./arguments.ts";
import { createCleanup } from "./cleanup.ts";
import { startGround } from "./ground.ts";
import { idle } from "./idle.ts";
import { offline } from "./offline.ts";
import { outboxSize } from "./outbox-size.ts";
import { relay } from "./relay.ts";
import { createReport, RefusedFigures } from "./report.ts";
import type { Scenario } from "./scenario.ts";
import { send } from "./send.ts";
import { signIn } from "./sign-in.ts";
import { signInFlood } from "./sign-in-flood.ts";

const scenarios: Readonly<Record<string, Scenario>> = {
  send,
  offline,
  idle,
  relay,
  "sign-in": signIn,
  "sign-in-flood": signInFlood,
  "outbox-size": outboxSize,
};
/** They take a quarter of an hour each. */
const ONLY_WHEN_NAMED = ["outbox-size"];

const cleanup = createCleanup();
let interrupted = false;

function readArguments(): BenchArguments {
  try {
    return parseBenchArguments(process.argv.slice(2), Object.keys(scenarios), ONLY_WHEN_NAMED);
  } catch (error) {
    console.error((error as Error).message);
    process.exit(2);
  }
}

async function run(): Promise<void> {
  const chosen = readArguments();
  const report = createReport(chosen.jsonOnly, (line) => console.log(line));
  const ground = await startGround(cleanup, chosen.profileDir !== undefined);
  for (const name of chosen.scenarios) {
    const scenario = scenarios[name];
    await scenario?.run({ arguments: chosen, ground, report });
    report.table(scenario?.title ?? name);
  }
}

function explain(error: unknown): string {
  if (error instanceof RefusedFigures) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** What is being measured fails when its processes end; that is no news. */
function leave(code: number): void {
  interrupted = true;
  const exit = (): never => process.exit(code);
  cleanup.run().then(exit, exit);
}

process.on("SIGINT", () => leave(130));
process.on("SIGTERM", () => leave(143));
process.on("uncaughtException", (error) => {
  if (!interrupted) console.error(explain(error));
  leave(1);
});

try {
  await run();
} catch (error) {
  process.exitCode = 1;
  if (!interrupted) console.error(explain(error));
} finally {
  await cleanup.run();
}
