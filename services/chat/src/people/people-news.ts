import type { Audiences } from "../conversations/audiences.ts";
import type { Connections } from "../delivery/connections.ts";
import type { NodeLink } from "../delivery/node-link.ts";

/** Tells devices that contacts, blocks or settings of their accounts have changed. Hints: nothing depends on them. */
export interface PeopleNews {
  /** For changes that were committed by this node. Coalesced: many changes become one signal. */
  tell(accountIds: readonly string[]): void;
  /** For changes that another node tells of. */
  pass(accountIds: readonly string[]): void;
  /** Tells what waits. */
  stop(): void;
}

const INTERVAL_MS = 50;
/** Accounts that wait to be told; beyond it their devices find out when they fetch. */
const MAX_WAITING = 10_000;

type NewsDeps = {
  connections: Pick<Connections, "ofAccount">;
  link: Pick<NodeLink, "people">;
  audiences: Pick<Audiences, "forget">;
};

export function createPeopleNews({ connections, link, audiences }: NewsDeps): PeopleNews {
  const changed = new Set<string>();
  let timer: NodeJS.Timeout | undefined;

  function tellHere(accountIds: Iterable<string>): void {
    for (const accountId of accountIds) {
      for (const { sink } of connections.ofAccount(accountId)) sink.peopleChanged();
    }
  }

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    const accountIds = [...changed];
    changed.clear();
    if (accountIds.length === 0) return;
    tellHere(accountIds);
    link.people(accountIds);
  }

  return {
    tell(accountIds) {
      if (accountIds.length === 0) return;
      audiences.forget(accountIds);
      for (const accountId of accountIds) if (changed.size < MAX_WAITING) changed.add(accountId);
      timer ??= setTimeout(flush, INTERVAL_MS);
    },
    pass(accountIds) {
      audiences.forget(accountIds);
      tellHere(accountIds);
    },
    stop: flush,
  };
}
