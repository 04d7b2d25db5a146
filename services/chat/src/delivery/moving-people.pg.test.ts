import type { InboxEnvelope } from "@sotto/contracts/message-api";
import { composeMessage, type Resident } from "@sotto/testkit/population";
import type { Socket } from "socket.io-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ChatNode, type ChatWorld, connect, startChatWorld, until } from "../chat-node-fixture.ts";

let world: ChatWorld;

beforeAll(async () => {
  world = await startChatWorld();
});
afterAll(() => world.close());

/** A small generator (mulberry32), so that a failing run can be repeated by its seed. */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Sends as a client does: in order, each again on the next connection until it is answered. */
class Sender {
  readonly sent: string[] = [];
  accepted = 0;
  #queue: ReturnType<typeof composeMessage>[] = [];
  #socket: Socket | undefined;
  readonly #resident: Resident;
  readonly #to: Resident;
  readonly #conversationId: string;

  constructor(resident: Resident, to: Resident, conversationId: string) {
    this.#resident = resident;
    this.#to = to;
    this.#conversationId = conversationId;
  }

  async move(node: ChatNode): Promise<void> {
    this.#socket?.disconnect();
    this.#socket = await connect(await world.socket(node, this.#resident));
    for (const message of this.#queue) this.#emit(message);
  }

  send(): void {
    const message = composeMessage(this.#conversationId, this.#resident, this.#to);
    this.sent.push(message.messageId);
    this.#queue.push(message);
    this.#emit(message);
  }

  #emit(message: ReturnType<typeof composeMessage>): void {
    this.#socket?.emit("message:send", message, (answer: { ok: boolean }) => {
      if (!answer.ok || !this.#queue.includes(message)) return;
      this.#queue = this.#queue.filter((each) => each !== message);
      this.accepted += 1;
    });
  }
}

/** Keeps what it gets, once each, in the order of its first arrival. */
class Recipient {
  readonly shown: string[] = [];
  readonly #known = new Set<string>();
  #socket: Socket | undefined;
  readonly #resident: Resident;

  constructor(resident: Resident) {
    this.#resident = resident;
  }

  async move(node: ChatNode): Promise<void> {
    this.#socket?.disconnect();
    const socket = await world.socket(node, this.#resident);
    socket.on("inbox:envelopes", ({ envelopes }: { envelopes: InboxEnvelope[] }) => {
      for (const { messageId } of envelopes) {
        if (this.#known.has(messageId)) continue;
        this.#known.add(messageId);
        this.shown.push(messageId);
      }
      socket.emit("inbox:ack", { envelopeIds: envelopes.map(({ envelopeId }) => envelopeId) });
    });
    this.#socket = await connect(socket);
  }
}

const elsewhere = () => {
  const url = new URL(world.database.urlFor("chat"));
  url.pathname = "/postgres";
  return url.href;
};

describe.each([
  ["with working hints", {}],
  ["with every hint lost", { lost: true }],
])("%s", (_how, { lost = false }: { lost?: boolean }) => {
  let nodes: ChatNode[];
  beforeAll(async () => {
    nodes = [
      await world.startNode({ NODE_NAME: "here", SWEEP_INTERVAL_MS: "200" }),
      await world.startNode({
        NODE_NAME: "there",
        SWEEP_INTERVAL_MS: "200",
        ...(lost && { ADAPTER_DATABASE_URL: elsewhere() }),
      }),
    ];
  });

  test.each([1, 2, 3, 4])(
    "people who move between nodes lose nothing, see nothing twice, and keep each sender's order (seed %i)",
    { timeout: 60_000 },
    async (seed) => {
      const random = seeded(seed);
      const anyNode = () => nodes[random(nodes.length)] as ChatNode;
      const [ann, ben, cleo] = (await world.people(3)) as [Resident, Resident, Resident];
      const senders = [
        new Sender(ann, cleo, await world.talk(ann, cleo)),
        new Sender(ben, cleo, await world.talk(ben, cleo)),
      ];
      const recipient = new Recipient(cleo);
      const everybody = [...senders, recipient];
      await Promise.all(everybody.map((person) => person.move(anyNode())));
      for (let step = 0; step < 60; step += 1) {
        const sender = senders[random(2)] as Sender;
        for (let burst = random(6); burst > 0; burst -= 1) sender.send();
        const move = random(4);
        const mover = everybody[move];
        if (mover) await mover.move(anyNode());
        else await new Promise((resolve) => setImmediate(resolve));
      }
      for (const person of everybody) await person.move(anyNode());
      const count = senders.reduce((sum, { sent }) => sum + sent.length, 0);
      await until(
        "all accepted",
        () => senders.every(({ sent, accepted }) => sent.length === accepted),
        30_000,
      );
      await until("all shown", () => recipient.shown.length >= count, 30_000);
      expect(recipient.shown).toHaveLength(count);
      for (const { sent } of senders) {
        expect(recipient.shown.filter((id) => sent.includes(id))).toEqual(sent);
      }
    },
  );
});
