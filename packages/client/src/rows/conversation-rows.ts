import type { StoreReader, Transaction } from "@sotto/e2ee/store";
import { jsonTable } from "./json-table.ts";

/** A conversation as this device first saw it; the members of a direct one never change. */
export type KnownConversation = {
  readonly conversationId: string;
  readonly kind: "direct";
  readonly members: readonly string[];
};

const conversations = jsonTable<KnownConversation>("client-conversation");
/** Account id of the other member to conversation id. */
const directs = jsonTable<string>("client-direct");

export function findConversation(
  reader: StoreReader,
  conversationId: string,
): Promise<KnownConversation | undefined> {
  return conversations.get(reader, conversationId);
}

export async function findDirect(
  reader: StoreReader,
  peerId: string,
): Promise<KnownConversation | undefined> {
  const conversationId = await directs.get(reader, peerId);
  return conversationId === undefined ? undefined : conversations.get(reader, conversationId);
}

export async function listConversations(reader: StoreReader): Promise<KnownConversation[]> {
  return (await conversations.list(reader)).map((row) => row.value);
}

export function putDirect(tx: Transaction, ownId: string, peerId: string, conversationId: string): void {
  conversations.put(tx, conversationId, { conversationId, kind: "direct", members: [ownId, peerId] });
  directs.put(tx, peerId, conversationId);
}
