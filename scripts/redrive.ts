// npm run redrive: moves dead letters back to their consumer. See docs/runbooks/broker.md.
import { systemClock } from "@sotto/platform/clock";
import { REDRIVE_HELP, readRedrive } from "./redrive/arguments.ts";
import { redriveDeadLetters } from "./redrive/redrive-dead-letters.ts";
import { runBusCommand } from "./redrive/run-bus-command.ts";

await runBusCommand({
  help: REDRIVE_HELP,
  read: readRedrive,
  run: (command, deps) => redriveDeadLetters(command, { ...deps, clock: systemClock }),
});
