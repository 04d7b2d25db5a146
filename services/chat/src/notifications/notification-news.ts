import type { Connections } from "../delivery/connections.ts";
import type { ListNews, NodeLink } from "../delivery/node-link.ts";

/** Tells devices how many notifications of their accounts are unread. Hints: the list is the notification service's. */
export interface NotificationNews {
  /** For events that this node got. Coalesced: of many for one account the newest is told. */
  tell(news: ListNews): void;
  /** For what another node tells of. */
  pass(news: readonly ListNews[]): void;
  /** Tells what waits. */
  stop(): void;
}

const INTERVAL_MS = 50;
/** Accounts that wait to be told; beyond it their devices find out when they fetch. */
const MAX_WAITING = 10_000;

type NewsDeps = { connections: Pick<Connections, "ofAccount">; link: Pick<NodeLink, "lists"> };

export function createNotificationNews({ connections, link }: NewsDeps): NotificationNews {
  const waiting = new Map<string, ListNews>();
  let timer: NodeJS.Timeout | undefined;

  function tellHere(news: readonly ListNews[]): void {
    for (const { accountId, unread, eventId } of news) {
      for (const connection of connections.ofAccount(accountId)) connection.tellUnread(unread, eventId);
    }
  }

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    const news = [...waiting.values()];
    waiting.clear();
    tellHere(news);
    link.lists(news);
  }

  return {
    tell(news) {
      const before = waiting.get(news.accountId);
      if (!before && waiting.size >= MAX_WAITING) return;
      if (!before || before.eventId < news.eventId) waiting.set(news.accountId, news);
      timer ??= setTimeout(flush, INTERVAL_MS);
    },
    pass: tellHere,
    stop: flush,
  };
}
