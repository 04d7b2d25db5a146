// For tests: a relay in a process of its own, which sends itself a signal at a chosen step. Argument: its settings as JSON.
import type { Bus } from "@sotto/platform/bus/bus";
import { createBus } from "@sotto/platform/bus/create-bus";
import { createLogger } from "@sotto/platform/log";
import { createMetrics } from "@sotto/platform/metrics";
import { createRelay } from "./relay.ts";

export type RelayProcessSettings = {
  databaseUrl: string;
  brokerUrl?: string | undefined;
  consumer: string;
  /** Absent: it just works. */
  step?: Step;
  signal?: "SIGKILL" | "SIGSTOP";
};

/** "deleting" is the test's: it holds a lock that the statement waits for. */
export type Step = "before publishing" | "half published" | "published" | "deleting" | "deleted";

const { databaseUrl, brokerUrl, consumer, step, signal } = JSON.parse(
  process.argv[2] ?? "",
) as RelayProcessSettings;
const shared = {
  databaseUrl,
  log: createLogger({ service: "relay", level: "silent" }),
  metrics: createMetrics(),
};
const bus = createBus({
  ...shared,
  brokerUrl,
  service: "relay",
  topology: { [consumer]: ["chat.device-added"] },
});

let signalled = false;
const stopAt = (reached: Step): void => {
  if (signalled || reached !== step) return;
  signalled = true;
  process.kill(process.pid, signal ?? "SIGKILL");
};

let batches = 0;
const publish: Bus["publish"] = async (events) => {
  stopAt("before publishing");
  // The next batch is asked for when the rows of the one before are gone.
  if (batches > 0) stopAt("deleted");
  const half = Math.ceil(events.length / 2);
  await bus.publish(events.slice(0, half));
  stopAt("half published");
  await bus.publish(events.slice(half));
  batches++;
  stopAt("published");
};

createRelay({ ...shared, bus: { publish } }).start();
