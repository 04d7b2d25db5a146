import { randomUUID } from "node:crypto";
import { createAccount } from "../src/account.ts";
import type { DeviceAddress } from "../src/address.ts";
import { decryptEnvelope } from "../src/decrypt-envelope.ts";
import { createDevice, type DeviceRegistration } from "../src/device.ts";
import { encryptEnvelope } from "../src/encrypt-envelope.ts";
import { openBundleSession, type PrekeyBundle } from "../src/open-session.ts";
import type { EnvelopePayload } from "../src/payload.ts";
import { hasSession } from "../src/sessions.ts";
import { createTransactor, type Transactor } from "../src/store.ts";
import { MemoryStore } from "./memory-store.ts";

/** 2026-01-01, ms. */
export const START = 1_767_225_600_000;

/** The key server's view of one device: it hands out each one-time key once. */
export class Published {
  readonly #registration: DeviceRegistration;
  readonly #ec: DeviceRegistration["oneTimePrekeys"][number][];
  readonly #kem: DeviceRegistration["oneTimeKemPrekeys"][number][];
  lastResortUses = 0;

  constructor(registration: DeviceRegistration) {
    this.#registration = registration;
    this.#ec = [...registration.oneTimePrekeys];
    this.#kem = [...registration.oneTimeKemPrekeys];
  }

  claim(): PrekeyBundle {
    const { deviceId, registrationId, identityKey, signedPrekey, lastResortKemPrekey } = this.#registration;
    const oneTimePrekey = this.#ec.shift();
    const kemPrekey = this.#kem.shift();
    if (kemPrekey === undefined) this.lastResortUses++;
    return {
      deviceId,
      registrationId,
      identityKey,
      signedPrekey,
      ...(oneTimePrekey === undefined ? {} : { oneTimePrekey }),
      kemPrekey: { ...(kemPrekey ?? lastResortKemPrekey), lastResort: kemPrekey === undefined },
    };
  }
}

/** One device with its store, and what it published. */
export type Person = {
  store: MemoryStore;
  readonly address: DeviceAddress;
  readonly registration: DeviceRegistration;
  readonly published: Published;
  /** Replaced when the test starts the device again. */
  transactor: Transactor;
};

export async function createPerson(oneTimePrekeys = 3): Promise<Person> {
  const store = new MemoryStore();
  const transactor = createTransactor(store);
  const address = { accountId: randomUUID(), deviceId: randomUUID() };
  const registration = await transactor.transact(async (tx) => {
    await createAccount(tx);
    return createDevice(tx, { ...address, now: START, oneTimePrekeys });
  });
  return { store, address, registration, published: new Published(registration), transactor };
}

/** A payload that can be told from every other. */
export function payload(messageId: string = randomUUID()): EnvelopePayload {
  const contentKey = crypto.getRandomValues(new Uint8Array(32));
  return { contentKey, contentHash: crypto.getRandomValues(new Uint8Array(32)), messageId };
}

export async function openSession(from: Person, to: Person, bundle = to.published.claim()): Promise<void> {
  await from.transactor.transact((tx) =>
    openBundleSession(tx, to.address, bundle, to.registration.identityKey),
  );
}

/** Encrypts for the other, starting a session where there is none. */
export async function send(from: Person, to: Person, message = payload(), now = START): Promise<Uint8Array> {
  const identityKey = to.registration.identityKey;
  return from.transactor.transact(async (tx) => {
    if (!(await hasSession(tx, to.address))) {
      await openBundleSession(tx, to.address, to.published.claim(), identityKey);
    }
    return (await encryptEnvelope(tx, to.address, message, now)).envelope;
  });
}

export function receive(to: Person, from: Person, envelope: Uint8Array): Promise<EnvelopePayload> {
  return to.transactor.transact((tx) =>
    decryptEnvelope(tx, from.address, envelope, from.registration.identityKey),
  );
}

/** Sends and receives; fails unless what arrives is what was sent. */
export async function deliver(from: Person, to: Person): Promise<void> {
  const message = payload();
  const arrived = await receive(to, from, await send(from, to, message));
  if (arrived.messageId !== message.messageId) throw new Error("Another message arrived");
}
