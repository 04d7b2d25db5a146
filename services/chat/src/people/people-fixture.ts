// People who call the REST routes of a node, for tests of contacts, blocks, settings and deletions.
import { DEVICE_HEADER } from "@sotto/contracts/message-api";
import type { Resident } from "@sotto/testkit/population";
import type { ChatNode, ChatWorld } from "../chat-node-fixture.ts";

/** The parts of answers that tests go on with; the rest is looked at by matchers. */
export type Answer = {
  status: number;
  body: {
    readonly code: string;
    readonly detail: string;
    readonly state: string;
    readonly accountId: string;
    readonly contacts: readonly { readonly state: string }[];
    readonly envelopes: readonly { readonly envelopeId: number }[];
    readonly conversationId: string;
    readonly conversations: readonly unknown[];
    readonly requestedAt: string;
    readonly next: string | null;
    readonly [name: string]: unknown;
  };
};

/** Calls a route, by its path behind `/api/chat`, as a resident and its device. */
export async function callAs(
  world: ChatWorld,
  node: ChatNode,
  resident: Resident,
  [method, path, body]: readonly [method: string, path: string, body?: unknown],
): Promise<Answer> {
  const response = await fetch(`${node.url}/api/chat${path}`, {
    method,
    headers: {
      Authorization: `Bearer ${await world.token(resident)}`,
      [DEVICE_HEADER]: resident.deviceId,
      ...(body !== undefined && { "Content-Type": "application/json" }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text ? JSON.parse(text) : undefined };
}

/** Reads every page of a list. */
export async function listAll<T>(
  read: (query: string) => Promise<Answer>,
  name: string,
  limit = 2,
): Promise<T[]> {
  const all: T[] = [];
  let after: string | null = null;
  do {
    const { body }: Answer = await read(`?limit=${limit}${after ? `&after=${after}` : ""}`);
    all.push(...(body[name] as T[]));
    after = body.next;
  } while (after !== null);
  return all;
}
