import { randomUUID } from "node:crypto";
import { decryptEnvelope } from "../src/decrypt-envelope.ts";
import { E2eeError } from "../src/errors.ts";
import { openBundleSession } from "../src/open-session.ts";
import { createTransactor } from "../src/store.ts";
import { createPerson, deliver, type Person, payload, send } from "./person.ts";

/** mulberry32: a seeded generator, so that a failing network can be run again. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** How unkind the network and the devices are; probabilities from 0 to 1. */
export type Weather = {
  messagesPerSide: number;
  loss: number;
  duplication: number;
  /** A sender starts a new session although it has one. */
  restart: number;
  /** A device's commit fails: before it took effect, or after, when the device cannot know. */
  crash: number;
};

export type Outcome = {
  sent: number;
  lost: number;
  twice: number;
  dead: boolean;
  crashes: number;
  lastResortUses: number;
  /** Refusals of messages that had not arrived yet, which the mailbox must deliver again. */
  refusals: string[];
};

type Packet = { messageId: string; from: Person; to: Person; envelope: Uint8Array };
type Event = { at: number; run: () => Promise<void> };

const INBOX = "test-inbox";

class Simulation {
  readonly #random: () => number;
  readonly #weather: Weather;
  readonly #events: Event[] = [];
  readonly #sent: { messageId: string; to: Person }[] = [];
  #now = 0;
  #armed = true;
  crashes = 0;
  twice = 0;
  readonly refusals: string[] = [];

  constructor(seed: number, weather: Weather) {
    this.#random = seededRandom(seed);
    this.#weather = weather;
  }

  #chance(probability: number): boolean {
    return this.#random() < probability;
  }

  #after(delay: number, run: () => Promise<void>): void {
    this.#events.push({ at: this.#now + delay, run });
  }

  arm(person: Person): void {
    const crash = () => {
      if (!this.#armed || !this.#chance(this.#weather.crash / 2)) return;
      this.crashes++;
      throw new Error("power cut");
    };
    person.store.beforeCommit = crash;
    person.store.afterCommit = crash;
  }

  schedule(from: Person, to: Person): void {
    for (let index = 0; index < this.#weather.messagesPerSide; index++) {
      const messageId = randomUUID();
      this.#sent.push({ messageId, to });
      this.#after(this.#random() * 10, () => this.#send(from, to, messageId));
    }
  }

  /** Runs one step; after a power cut the device starts again from its store. */
  async #survives(person: Person, step: () => Promise<void>): Promise<boolean> {
    try {
      await step();
      return true;
    } catch (error) {
      if (!(error instanceof Error) || error.message !== "power cut") throw error;
      person.store = person.store.otherTab();
      this.arm(person);
      person.transactor = createTransactor(person.store);
      return false;
    }
  }

  async #send(from: Person, to: Person, messageId: string): Promise<void> {
    let envelope: Uint8Array | undefined;
    const isSent = await this.#survives(from, async () => {
      if (this.#chance(this.#weather.restart)) {
        const bundle = to.published.claim();
        await from.transactor.transact((tx) =>
          openBundleSession(tx, to.address, bundle, to.registration.identityKey),
        );
      }
      envelope = await send(from, to, payload(messageId));
    });
    if (!isSent || envelope === undefined) return this.#after(0.5, () => this.#send(from, to, messageId));
    this.#travel({ messageId, from, to, envelope });
    if (this.#chance(this.#weather.duplication)) this.#travel({ messageId, from, to, envelope });
  }

  #travel(packet: Packet): void {
    this.#after(0.3 + this.#random() * 2.5, () => this.#arrive(packet));
  }

  async #arrive(packet: Packet): Promise<void> {
    if (this.#chance(this.#weather.loss)) return this.#after(1, () => this.#arrive(packet));
    const { to, messageId } = packet;
    const isKnown = (await to.store.get(INBOX, messageId)) !== undefined;
    const survived = await this.#survives(to, () => this.#open(packet, isKnown));
    if (!survived) this.#after(0.5, () => this.#arrive(packet));
  }

  async #open({ from, to, envelope, messageId }: Packet, isKnown: boolean): Promise<void> {
    try {
      await to.transactor.transact(async (tx) => {
        const opened = await decryptEnvelope(tx, from.address, envelope, from.registration.identityKey);
        tx.put(INBOX, opened.messageId, Uint8Array.of(1));
      });
      if (isKnown) this.twice++;
    } catch (error) {
      if (!(error instanceof E2eeError)) throw error;
      // A repeat may be refused for any reason; a message that has not arrived may not be refused at all.
      if (!isKnown) this.refusals.push(`${messageId}: ${error.message}`);
    }
  }

  async run(): Promise<number> {
    while (this.#events.length > 0) {
      this.#events.sort((a, b) => b.at - a.at);
      const event = this.#events.pop();
      if (event === undefined) break;
      this.#now = event.at;
      await event.run();
    }
    this.#armed = false;
    const arrived = await Promise.all(this.#sent.map(({ to, messageId }) => to.store.get(INBOX, messageId)));
    return arrived.filter((row) => row === undefined).length;
  }

  get sent(): number {
    return this.#sent.length;
  }
}

async function isAlive(alice: Person, bob: Person): Promise<boolean> {
  try {
    for (let round = 0; round < 2; round++) {
      await deliver(alice, bob);
      await deliver(bob, alice);
    }
    return true;
  } catch {
    return false;
  }
}

/** Two devices that write to each other through a bad network; both may start at once. */
export async function simulatePair(seed: number, weather: Weather): Promise<Outcome> {
  const [alice, bob] = [await createPerson(1), await createPerson(1)];
  const simulation = new Simulation(seed, weather);
  simulation.arm(alice);
  simulation.arm(bob);
  simulation.schedule(alice, bob);
  simulation.schedule(bob, alice);
  const lost = await simulation.run();
  return {
    sent: simulation.sent,
    lost,
    twice: simulation.twice,
    dead: !(await isAlive(alice, bob)),
    crashes: simulation.crashes,
    lastResortUses: alice.published.lastResortUses + bob.published.lastResortUses,
    refusals: simulation.refusals,
  };
}
