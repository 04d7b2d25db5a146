// People who call the REST routes of a node, for tests of contacts, blocks, settings and deletions.
import { DEVICE_HEADER } from "@sotto/contracts/message-api";
import type { Resident } from "@sotto/testkit/population";
import type { ChatNode, ChatWorld } from "../chat-node-fixture.ts";

// biome-ignore lint/suspicious/noExplicitAny: an answer is whatever the route says, and looked at by matchers.
export type Answer = { status: number; body: any };

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
    const { body } = await read(`?limit=${limit}${after ? `&after=${after}` : ""}`);
    all.push(...body[name]);
    after = body.next;
  } while (after !== null);
  return all;
}
