// For tests: a relay that is killed by SIGKILL at a chosen step. Argument: JSON with databaseUrl, consumer, step.
import type { Bus } from "@sotto/platform/bus/bus";
import { createBus } from "@sotto/platform/bus/create-bus";
import { createLogger } from "@sotto/platform/log";
import { createMetrics } from "@sotto/platform/metrics";
import { createRelay } from "./relay.ts";

export type CrashStep = "before publishing" | "half published" | "published" | "deleting";

const { databaseUrl, consumer, step } = JSON.parse(process.argv[2] ?? "") as {
  databaseUrl: string;
  consumer: string;
  step: CrashStep;
};
const shared = {
  databaseUrl,
  log: createLogger({ service: "relay", level: "silent" }),
  metrics: createMetrics(),
};
const bus = createBus({ ...shared, service: "relay", topology: { [consumer]: ["chat.device-added"] } });

const die = (): void => {
  process.kill(process.pid, "SIGKILL");
};

const publish: Bus["publish"] = async (events) => {
  if (step === "before publishing") die();
  if (step === "half published") {
    await bus.publish(events.slice(0, Math.ceil(events.length / 2)));
    die();
  }
  await bus.publish(events);
  // While deleting, the test kills: it holds a lock that the statement waits for.
  if (step === "published") die();
};

createRelay({ ...shared, bus: { publish } }).start();
