import { composeMessage, type Resident } from "@sotto/testkit/population";
import fc from "fast-check";
import type { Socket } from "socket.io-client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask, type ChatNode, type ChatWorld, startChatWorld } from "../chat-node-fixture.ts";
import { openSocket } from "../messages/message-world-fixture.ts";
import { type Answer, callAs } from "./people-fixture.ts";

let world: ChatWorld;
let node: ChatNode;

beforeAll(async () => {
  world = await startChatWorld();
  node = await world.startNode();
});
afterAll(() => world.close());

/** Somebody who is blocked at some point, in one of two lives that are alike but for that. */
type Life = {
  readonly own: Resident;
  readonly other: Resident;
  readonly socket: Socket;
  conversationId: string | undefined;
  message: ReturnType<typeof composeMessage> | undefined;
};

const OWN_ACTS = [
  "ask",
  "drop",
  "contacts",
  "open",
  "conversations",
  "send",
  "repeat",
  "devices",
  "type",
] as const;
const OTHERS_ACTS = ["other asks", "other drops", "other opens", "other is reserved"] as const;
type Act = (typeof OWN_ACTS)[number] | (typeof OTHERS_ACTS)[number];

async function beginLife(): Promise<Life> {
  const [own, other] = (await world.people(2)) as [Resident, Resident];
  const socket = await openSocket(world, node, own);
  return { own, other, socket, conversationId: undefined, message: undefined };
}

async function openFor(life: Life, who: Resident, whom: Resident): Promise<Answer> {
  const answer = await callAs(world, node, who, ["PUT", `/conversations/direct/${whom.accountId}`]);
  if (answer.status === 200) life.conversationId = answer.body.conversationId;
  return answer;
}

async function send(life: Life, isRepeat: boolean): Promise<unknown> {
  if (!life.conversationId) return "no conversation";
  if (!isRepeat || !life.message) life.message = composeMessage(life.conversationId, life.own, life.other);
  return ask(life.socket, "message:send", life.message);
}

function act(life: Life, what: Act): Promise<unknown> {
  const { own, other } = life;
  const call = (who: Resident, ...request: Parameters<typeof callAs>[3]) => callAs(world, node, who, request);
  const acts: Record<Act, () => Promise<unknown>> = {
    ask: () => call(own, "PUT", `/contacts/${other.accountId}`),
    drop: () => call(own, "DELETE", `/contacts/${other.accountId}`),
    contacts: () => call(own, "GET", "/contacts"),
    open: () => openFor(life, own, other),
    conversations: () => call(own, "GET", "/conversations"),
    send: () => send(life, false),
    repeat: () => send(life, true),
    devices: () => call(own, "GET", `/accounts/${other.accountId}/devices`),
    type: () =>
      ask(life.socket, "typing:set", { conversationId: life.conversationId ?? own.accountId, active: true }),
    "other asks": () => call(other, "PUT", `/contacts/${own.accountId}`),
    "other drops": () => call(other, "DELETE", `/contacts/${own.accountId}`),
    "other opens": () => openFor(life, other, own),
    "other is reserved": () => call(other, "PATCH", "/settings/privacy", { whoMayWriteFirst: "contacts" }),
  };
  return acts[what]();
}

/** An answer without what differs from life to life. */
function impersonal(life: Life, answer: unknown): string {
  const text = JSON.stringify(answer)
    .replaceAll(life.own.accountId, "own")
    .replaceAll(life.other.accountId, "other")
    .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "id")
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "time")
    .replaceAll(/"(accountKey|bytes|signature)":"[^"]*"/g, "key");
  // The order of two members is that of their ids.
  return text.replaceAll('["other","own"]', '["own","other"]');
}

test("whoever is blocked gets the answers that it would get otherwise, whatever it does", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom<Act>(...OWN_ACTS, ...OTHERS_ACTS), { maxLength: 8 }),
      fc.array(fc.constantFrom<Act>(...OWN_ACTS), { minLength: 1, maxLength: 8 }),
      async (before, after) => {
        const lives = [await beginLife(), await beginLife()] as const;
        const [blocked] = lives;
        const both = async (what: Act) => {
          const answers = [];
          for (const life of lives) answers.push(impersonal(life, await act(life, what)));
          return answers;
        };
        for (const what of before) await both(what);
        const { status } = await callAs(world, node, blocked.other, [
          "PUT",
          `/blocks/${blocked.own.accountId}`,
        ]);
        expect(status).toBe(200);
        for (const what of after) {
          const [answer, free] = await both(what);
          expect(answer, what).toEqual(free);
        }
        const { rowCount } = await world.owner.query(
          `select from chat.envelope e join chat.message m using (message_id)
           where e.device_id = $1 and m.accepted_at > (select blocked_at from chat.block where account_id = $2)`,
          [blocked.other.deviceId, blocked.other.accountId],
        );
        expect(rowCount).toBe(0);
        for (const { socket } of lives) socket.disconnect();
      },
    ),
    { numRuns: 30 },
  );
});

type Person = "ann" | "ben";
type Step = readonly [who: Person, what: "ask" | "drop" | "block" | "unblock"];

/** What a pair of people should have: the request or contact, and the blocks. */
type Model = {
  contact: { by: Person; accepted: boolean; hidden: boolean } | undefined;
  readonly blocks: Set<Person>;
};

const otherOf = (who: Person): Person => (who === "ann" ? "ben" : "ann");

function take(model: Model, [who, what]: Step): void {
  if (what === "block") model.blocks.add(who);
  else if (what === "unblock") model.blocks.delete(who);
  else if (what === "drop") model.contact = undefined;
  else if (!model.blocks.has(who)) model.contact = askedBy(model, who);
}

function askedBy({ contact, blocks }: Model, who: Person): Model["contact"] {
  const hidden = blocks.has(otherOf(who));
  if (!contact) return { by: who, accepted: false, hidden };
  if (contact.accepted || contact.by !== who) return { by: contact.by, accepted: true, hidden: false };
  return { ...contact, hidden: contact.hidden && hidden };
}

function seenBy({ contact, blocks }: Model, who: Person): string[] {
  if (!contact || blocks.has(who) || (contact.hidden && contact.by !== who)) return [];
  if (contact.accepted) return ["accepted"];
  return [contact.by === who ? "outgoing" : "incoming"];
}

test("requests, answers, ends and blocks in any order leave what they say, for each of the two", async () => {
  const step = fc.tuple(
    fc.constantFrom<Person>("ann", "ben"),
    fc.constantFrom("ask", "ask", "drop", "block", "unblock"),
  ) as fc.Arbitrary<Step>;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14 }), async (steps) => {
      const [ann, ben] = (await world.people(2)) as [Resident, Resident];
      const people = { ann, ben };
      const model: Model = { contact: undefined, blocks: new Set() };
      const routes = {
        ask: ["PUT", "contacts"],
        drop: ["DELETE", "contacts"],
        block: ["PUT", "blocks"],
        unblock: ["DELETE", "blocks"],
      } as const;
      for (const [who, what] of steps) {
        const [method, path] = routes[what];
        await callAs(world, node, people[who], [method, `/${path}/${people[otherOf(who)].accountId}`]);
        take(model, [who, what]);
        for (const each of ["ann", "ben"] as const) {
          const { body } = await callAs(world, node, people[each], ["GET", "/contacts"]);
          const states = body.contacts.map(({ state }) => state);
          expect(states, `${each} after ${who} ${what}`).toEqual(seenBy(model, each));
        }
      }
    }),
    { numRuns: 40 },
  );
});
