import type { ChatDatabase } from "@sotto/platform/db-types/chat";
import type { Kysely } from "kysely";
import { LRUCache } from "lru-cache";
import { listMembers } from "./conversation-queries.ts";

/** Members of conversations, for signals that are not stored; never for deciding what is. */
export interface Memberships {
  get(conversationId: string): Promise<readonly string[] | undefined>;
}

const CACHED = 20_000;
const CACHED_MS = 30_000;

export function createMemberships(db: Kysely<ChatDatabase>): Memberships {
  const cache = new LRUCache<string, readonly string[]>({
    max: CACHED,
    ttl: CACHED_MS,
    fetchMethod: async (conversationId) => {
      const members = await listMembers(db, conversationId);
      return members.length > 0 ? members : undefined;
    },
  });
  return { get: (conversationId) => cache.fetch(conversationId) };
}
