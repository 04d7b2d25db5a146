import { Counter, Gauge, Histogram, type Registry } from "prom-client";

export type ChatMetrics = ReturnType<typeof createChatMetrics>;

/** From a fast commit of a small batch to a statement at its time limit. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15];
const BATCH_SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 1000];

/** Figures of one chat node. Labels hold words of closed lists only: no id of anybody or anything. */
export function createChatMetrics(registry: Registry) {
  const registers = [registry];
  return {
    accepted: new Counter({
      name: "sotto_chat_messages_accepted_total",
      help: "Messages whose senders were told that they are durable, repeats included.",
      registers,
    }),
    refused: new Counter({
      name: "sotto_chat_messages_refused_total",
      help: "Messages that were not stored, by the code that their senders were told.",
      labelNames: ["code"],
      registers,
    }),
    batchSize: new Histogram({
      name: "sotto_chat_commit_batch_messages",
      help: "Messages in one transaction.",
      buckets: BATCH_SIZES,
      registers,
    }),
    storeSeconds: new Histogram({
      name: "sotto_chat_commit_seconds",
      help: "Duration of storing one batch.",
      buckets: SECONDS,
      registers,
    }),
    deliveries: new Counter({
      name: "sotto_chat_deliveries_total",
      help: "Envelopes sent to connected devices: from memory at their commit, or by a read of the mailbox.",
      labelNames: ["way"],
      registers,
    }),
    acknowledged: new Counter({
      name: "sotto_chat_acknowledgements_total",
      help: "Envelopes that devices have acknowledged.",
      registers,
    }),
    hints: new Counter({
      name: "sotto_chat_hints_total",
      help: "Notifications sent to the other nodes, by kind.",
      labelNames: ["kind"],
      registers,
    }),
    sweepSeconds: new Histogram({
      name: "sotto_chat_sweep_seconds",
      help: "Duration of comparing every connection with the database.",
      buckets: SECONDS,
      registers,
    }),
    readSeconds: new Histogram({
      name: "sotto_chat_mailbox_read_seconds",
      help: "Duration of reading mailboxes once, for all devices that wanted it.",
      buckets: SECONDS,
      registers,
    }),
    gapsOpened: new Counter({
      name: "sotto_chat_gaps_opened_total",
      help: "Devices that lost mail to age or overflow and must be told.",
      registers,
    }),
    told: new Counter({
      name: "sotto_chat_inbox_told_total",
      help: "Events that tell that messages wait for somebody who is away, and that somebody is back.",
      labelNames: ["kind"],
      registers,
    }),
  };
}

/** What is true now, asked for at each scrape. */
export function addChatGauges(
  registry: Registry,
  sources: { connections: { readonly size: number }; commitQueue: { readonly depth: number } },
): void {
  new Gauge({
    name: "sotto_chat_connections",
    help: "Devices connected to this node.",
    registers: [registry],
    collect() {
      this.set(sources.connections.size);
    },
  });
  new Gauge({
    name: "sotto_chat_commit_queue_messages",
    help: "Messages that wait to be stored or are being stored.",
    registers: [registry],
    collect() {
      this.set(sources.commitQueue.depth);
    },
  });
}
