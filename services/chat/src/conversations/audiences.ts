import type { ChatDatabase } from "@sotto/platform/db-types/chat";
import type { Kysely } from "kysely";
import { LRUCache } from "lru-cache";
import { listAudience } from "./conversation-queries.ts";

/** Who is told that a member of a conversation types; for signals that are not stored, never for deciding what is. */
export interface Audiences {
  /** Accounts to tell; undefined when the account is no member of the conversation. Up to `CACHED_MS` old. */
  find(conversationId: string, accountId: string): Promise<readonly string[] | undefined>;
  /** What these accounts allow has changed: from now on nothing is answered that was read before. */
  forget(accountIds: Iterable<string>): void;
}

type Audience = {
  readonly members: readonly string[];
  readonly told: readonly string[];
  /** The position, in the sequence of changes, at which the reading began. */
  readonly readAt: number;
};

const CACHED = 20_000;
const CACHED_MS = 30_000;

export function createAudiences(db: Kysely<ChatDatabase>): Audiences {
  let tick = 0;
  const changedAt = new LRUCache<string, number>({ max: CACHED, ttl: CACHED_MS });
  const cache = new LRUCache<string, Audience, { conversationId: string; accountId: string }>({
    max: CACHED,
    ttl: CACHED_MS,
    fetchMethod: async (_key, _stale, { context: { conversationId, accountId } }) => {
      const readAt = tick;
      const members = await listAudience(db, conversationId, accountId);
      return {
        members: members.map((member) => member.accountId),
        told: members.filter(({ isTold }) => isTold).map((member) => member.accountId),
        readAt,
      };
    },
  });

  function isOutdated({ members, readAt }: Audience): boolean {
    return changedAt.size > 0 && members.some((accountId) => (changedAt.get(accountId) ?? 0) > readAt);
  }

  return {
    async find(conversationId, accountId) {
      const key = `${conversationId} ${accountId}`;
      const context = { conversationId, accountId };
      let found = await cache.fetch(key, { context });
      // Also one that was being read while the change happened.
      if (found && isOutdated(found)) found = await cache.fetch(key, { context, forceRefresh: true });
      return found?.members.includes(accountId) ? found.told : undefined;
    },
    forget(accountIds) {
      tick += 1;
      for (const accountId of accountIds) changedAt.set(accountId, tick);
    },
  };
}
