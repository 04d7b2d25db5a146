import type { DomainEvent } from "@sotto/contracts/events";
import { topology } from "@sotto/platform/bus/topology";
import type { Running } from "@sotto/platform/node-server";
import { within } from "@sotto/platform/open-work";
import { repeat } from "@sotto/platform/repeat";
import { deleteAccount } from "./accounts/delete-account.ts";
import { finishDeletions } from "./accounts/finish-deletions.ts";
import type { ChatContext } from "./context.ts";
import { announceHere } from "./delivery/announce.ts";
import { readMailboxes } from "./delivery/deliver-committed.ts";
import { clearLeftovers, FIRST_ROUND, keepMailboxes } from "./delivery/mailbox-upkeep.ts";
import type { ListNews, TypingNews } from "./delivery/node-link.ts";
import { deleteNode } from "./delivery/presence-queries.ts";
import { revokeSession } from "./delivery/revoke-session.ts";
import { closeExpired, compareWithDatabase, dropUnread, sweepConnections } from "./delivery/sweep.ts";

const EXPIRY_INTERVAL_MS = 1000;
const UPKEEP_INTERVAL_MS = 2000;
const DELETIONS_INTERVAL_MS = 2000;
const CLEARING_INTERVAL_MS = 600_000;

/** How long a stop waits for the answers to frames that are under way. */
const ANSWERS_TIMEOUT_MS = 3000;

/**
 * Starts what a chat node does by itself: listening to the other nodes, sweeps, events. Returns its end, in two steps
 * between which the last requests are answered: see `Running` of the platform.
 */
export function startNode(context: ChatContext): Pick<Running, "drain" | "close"> {
  listenToNodes(context);
  context.bus.consume({
    consumer: "chat",
    types: topology.chat,
    concurrency: 4,
    handle: (event) => handleEvent(context, event),
  });
  const chores = startChores(context);
  return {
    async drain() {
      const finished = Promise.all([context.bus.close(), ...chores.map((chore) => chore.stop())]);
      if (!(await within(ANSWERS_TIMEOUT_MS, context.frames.close()))) {
        context.log.warn("frames are still unanswered; their clients must ask again");
      }
      for (const { sink } of context.connections.all()) sink.close("server_shutdown");
      await finished;
    },
    async close() {
      context.news.stop();
      context.listNews.stop();
      context.link.stop();
      await context.reader.close();
      await deleteNode(context.pool, context.node.id).catch((error: unknown) =>
        context.log.warn({ err: error }, "the end of this node could not be recorded; others will notice"),
      );
      await context.io.close();
      await context.close();
    },
  };
}

async function handleEvent(
  context: ChatContext,
  { id, type, data }: DomainEvent<(typeof topology.chat)[number]>,
): Promise<void> {
  switch (type) {
    case "user.account-deleted":
      return deleteAccount(context, data.accountId);
    case "user.session-revoked":
      return revokeSession(context, data.sessionId);
    case "notification.list-changed":
      return context.listNews.tell({ accountId: data.accountId, unread: data.unread, eventId: id });
  }
}

function startChores(context: ChatContext) {
  let upkeepFrom = FIRST_ROUND;
  return [
    repeat(context, "sweep", context.config.SWEEP_INTERVAL_MS, async () => {
      const endTimer = context.figures.sweepSeconds.startTimer();
      await sweepConnections(context).finally(endTimer);
    }),
    repeat(context, "expiry", EXPIRY_INTERVAL_MS, async () => {
      closeExpired(context);
      dropUnread(context);
    }),
    repeat(context, "upkeep", UPKEEP_INTERVAL_MS, async () => {
      upkeepFrom = await keepMailboxes(context, upkeepFrom);
    }),
    repeat(context, "deletions", DELETIONS_INTERVAL_MS, () => finishDeletions(context)),
    repeat(context, "clearing", CLEARING_INTERVAL_MS, () => clearLeftovers(context)),
  ];
}

function listenToNodes(context: ChatContext): void {
  const { io, connections } = context;
  io.on("node:mail", (deviceIds: string[]) => readMailboxes(context, deviceIds));
  io.on("node:connected", (deviceId: string, connectionId: string) => {
    const connection = connections.get(deviceId);
    if (!connection || connection.device.connectionId === connectionId) return;
    // The hint may be late, and the connection here the newer one: the database knows.
    compareWithDatabase(context, [connection]).catch((error: unknown) =>
      context.log.warn({ err: error }, "a connection could not be compared; the sweep will do it"),
    );
  });
  io.on("node:close", (deviceId, sessionId, reason) => connections.close({ deviceId, sessionId }, reason));
  io.on("node:keys-low", (deviceId, stock) => connections.get(deviceId)?.sink.keysLow(stock));
  io.on("node:people", (accountIds: string[]) => context.news.pass(accountIds));
  io.on("node:lists", (news: ListNews[]) => context.listNews.pass(news));
  io.on("node:typing", (news: TypingNews[]) => {
    for (const [change, accountIds] of news) announceHere(context, accountIds, change);
  });
}
