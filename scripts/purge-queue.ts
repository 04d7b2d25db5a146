// npm run purge-queue: removes what waits in a queue. See docs/runbooks/broker.md.
import { PURGE_HELP, readPurge } from "./redrive/arguments.ts";
import { purgeQueue } from "./redrive/purge-queue.ts";
import { runBusCommand } from "./redrive/run-bus-command.ts";

await runBusCommand({ help: PURGE_HELP, read: readPurge, run: purgeQueue });
