import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { PreKeyWhisperMessage } from "@privacyresearch/libsignal-protocol-protobuf-ts";
import type { SessionType } from "@privacyresearch/libsignal-protocol-typescript";
import { SessionLock } from "@privacyresearch/libsignal-protocol-typescript/lib/session-lock.js";
import { describe, expect, it } from "vitest";
import { exactBuffer, toBase64 } from "../src/bytes.ts";
import { decryptEnvelope } from "../src/decrypt-envelope.ts";
import { encryptEnvelope } from "../src/encrypt-envelope.ts";
import {
  findOpenSession,
  listSessions,
  loadSessions,
  MAX_SKIPPED_KEYS,
  pruneChains,
  saveSessions,
} from "../src/session-rows.ts";
import { archiveSession, currentRatchetKey, hasSession } from "../src/sessions.ts";
import { rotateSignedPrekeys } from "../src/upkeep.ts";
import { expectCode } from "./expect-code.ts";
import { alterInside, damageMac, forgeFirstMessage } from "./forged-message.ts";
import { createPerson, deliver, openSession, type Person, payload, receive, START, send } from "./person.ts";

async function acquainted(): Promise<[Person, Person]> {
  const [alice, bob] = [await createPerson(), await createPerson()];
  await deliver(alice, bob);
  await deliver(bob, alice);
  return [alice, bob];
}

function sessionsOf(person: Person, other: Person) {
  return person.transactor.transact((tx) => loadSessions(tx, other.address));
}

/** Advances the sending chain as `count` encryptions would, without making the messages. */
function skipAhead(from: Person, to: Person, count: number): Promise<void> {
  return from.transactor.transact(async (tx) => {
    const sessions = await loadSessions(tx, to.address);
    const { session } = findOpenSession(sessions) ?? {};
    const own = toBase64(
      new Uint8Array(session?.currentRatchet.ephemeralKeyPair?.pubKey ?? new ArrayBuffer(0)),
    );
    const chainKey = session?.chains[own]?.chainKey;
    if (chainKey?.key === undefined) throw new Error("There is no sending chain");
    for (let index = 0; index < count; index++) {
      const next = hmac(sha256, new Uint8Array(chainKey.key), Uint8Array.of(2));
      chainKey.key = exactBuffer(next);
      chainKey.counter++;
    }
    saveSessions(tx, to.address, sessions);
  });
}

describe("D2: a message that fails to decrypt", () => {
  it("does not advance the ratchet, even if the transaction goes on", async () => {
    const [alice, bob] = await acquainted();
    const genuine = await send(alice, bob);
    const damaged = await alterInside(alice, bob, genuine, damageMac);
    const before = bob.store.dump();
    await bob.transactor.transact(async (tx) => {
      const attempt = decryptEnvelope(tx, alice.address, damaged, alice.registration.identityKey);
      await expectCode(attempt, "decrypt_failed");
    });
    expect(bob.store.dump()).toBe(before);
    await receive(bob, alice, genuine);
    await deliver(bob, alice);
  });

  it("names the sender's ratchet key, by which the sender can tell the broken session", async () => {
    const [alice, bob] = await acquainted();
    const damaged = await alterInside(alice, bob, await send(alice, bob), damageMac);
    const error = await receive(bob, alice, damaged).catch((caught: unknown) => caught);
    const current = await alice.transactor.transact((tx) => currentRatchetKey(tx, bob.address));
    expect(error).toMatchObject({ code: "decrypt_failed", ratchetKey: current });
  });

  it("is told from a repeat", async () => {
    const [alice, bob] = await acquainted();
    const envelope = await send(alice, bob);
    await receive(bob, alice, envelope);
    await expectCode(receive(bob, alice, envelope), "duplicate");
  });
});

describe("D3: receiving chains", () => {
  it("are dropped but for the current and the last five, so that the record stays small", async () => {
    const [alice, bob] = await acquainted();
    for (let round = 0; round < 40; round++) {
      await deliver(alice, bob);
      await deliver(bob, alice);
    }
    const { record } = await sessionsOf(bob, alice);
    const [session] = record.getSessions();
    expect(Object.keys(session?.chains ?? {}).length).toBeLessThanOrEqual(7);
    expect(record.serialize().length).toBeLessThan(4000);
  });

  it("still open a message that comes five turns late", async () => {
    const [alice, bob] = await acquainted();
    const late = await send(alice, bob);
    for (let round = 0; round < 5; round++) {
      await deliver(alice, bob);
      await deliver(bob, alice);
    }
    await receive(bob, alice, late);
  });

  it("keep no more than 2000 skipped keys, the newest", () => {
    const bytes = (value: number) => Uint8Array.of(value).buffer;
    const chain = { chainType: 2, chainKey: { counter: 5000, key: bytes(1) } };
    const keysFrom = (first: number) =>
      Object.fromEntries(Array.from({ length: 1500 }, (_, index) => [first + index, bytes(0)]));
    const session: SessionType = {
      indexInfo: { closed: -1, remoteIdentityKey: bytes(9) },
      currentRatchet: { rootKey: bytes(0), lastRemoteEphemeralKey: bytes(2), previousCounter: 0 },
      oldRatchetList: [{ added: 0, ephemeralKey: bytes(1) }],
      chains: {
        "AQ==": { ...chain, messageKeys: keysFrom(0) },
        "Ag==": { ...chain, messageKeys: keysFrom(7) },
      },
    };
    expect(pruneChains(session)).toBe(true);
    const left = Object.values(session.chains).map(({ messageKeys }) => Object.keys(messageKeys));
    expect(left.flat().length).toBe(MAX_SKIPPED_KEYS);
    expect(left[0]?.[0]).toBe("1000");
    expect(pruneChains(session)).toBe(false);
  });

  it("follow a sender 2000 messages ahead, and no further", async () => {
    const [alice, bob] = await acquainted();
    await skipAhead(alice, bob, 1999);
    const reachable = await send(alice, bob);
    await skipAhead(alice, bob, 1);
    const tooFar = await send(alice, bob);
    await expectCode(receive(bob, alice, tooFar), "too_far_ahead");
    await receive(bob, alice, reachable);
    await receive(bob, alice, tooFar);
  });

  it("do not take a message whose key they dropped for a repeat", async () => {
    const [alice, bob] = await acquainted();
    const early = await send(alice, bob);
    for (let jump = 0; jump < 2; jump++) {
      await skipAhead(alice, bob, 1500);
      await deliver(alice, bob);
    }
    await expectCode(receive(bob, alice, early), "decrypt_failed");
  });
});

describe("a Signal message of another form", () => {
  it("is refused before it reaches the ratchet", async () => {
    const [alice, bob] = await acquainted();
    const genuine = await send(alice, bob);
    const forms: ((message: Uint8Array) => Uint8Array)[] = [
      // 33, field 1, length 33, then the type byte of the ratchet key.
      (message) => message.with(3, 6),
      (message) => message.with(0, 0x34),
      (message) => message.slice(0, 1),
      () => Uint8Array.of(0x33, ...new Uint8Array(8)),
      () => Uint8Array.of(0x33, 0xff, 0xff, ...new Uint8Array(8)),
    ];
    for (const form of forms) {
      await expectCode(receive(bob, alice, await alterInside(alice, bob, genuine, form)), "bad_envelope");
    }
    await receive(bob, alice, genuine);
  });

  it("is refused when it would start a session from fields out of range", async () => {
    const [alice, bob] = [await createPerson(1), await createPerson(1)];
    const changes: Partial<PreKeyWhisperMessage>[] = [
      { registrationId: 0 },
      { signedPreKeyId: 0 },
      { preKeyId: 2 ** 31 },
      { identityKey: alice.registration.identityKey.slice(1) },
      { baseKey: new Uint8Array(0) },
    ];
    for (const change of changes) {
      const alter = (message: Uint8Array) => {
        const fields = { ...PreKeyWhisperMessage.decode(message.slice(1)), ...change };
        return Uint8Array.of(0x33, ...PreKeyWhisperMessage.encode(fields).finish());
      };
      await expectCode(receive(bob, alice, await forgeFirstMessage(alice, bob, { alter })), "bad_envelope");
    }
  });
});

describe("D9: archived sessions", () => {
  it("number five at most, and the outer layers with them", async () => {
    const [alice, bob] = [await createPerson(10), await createPerson(10)];
    const envelopes: Uint8Array[] = [];
    for (let index = 0; index < 9; index++) {
      await openSession(alice, bob);
      envelopes.push(await send(alice, bob));
    }
    for (const envelope of envelopes) await receive(bob, alice, envelope);
    for (const [person, other] of [
      [alice, bob],
      [bob, alice],
    ] as const) {
      const sessions = await sessionsOf(person, other);
      expect(listSessions(sessions).length).toBe(6);
      expect(Object.keys(sessions.layers).length).toBe(6);
    }
    await deliver(bob, alice);
  });

  it("still open what was sent on them", async () => {
    const [alice, bob] = await acquainted();
    const late = await send(alice, bob);
    for (let index = 0; index < 5; index++) {
      await openSession(bob, alice);
      await deliver(bob, alice);
    }
    await receive(bob, alice, late);
  });
});

describe("a session given up", () => {
  it("decrypts what is under way, and is not sent on again", async () => {
    const [alice, bob] = await acquainted();
    const underWay = await send(alice, bob);
    expect(await bob.transactor.transact((tx) => archiveSession(tx, alice.address))).toBe(true);
    await receive(bob, alice, underWay);
    expect(await bob.transactor.transact((tx) => hasSession(tx, alice.address))).toBe(false);
    await deliver(bob, alice);
    await deliver(alice, bob);
  });

  it("is kept when the complaint names another ratchet key", async () => {
    const [alice, bob] = await acquainted();
    const own = await alice.transactor.transact((tx) => currentRatchetKey(tx, bob.address));
    const archive = (ifRatchetKey: Uint8Array) =>
      alice.transactor.transact((tx) => archiveSession(tx, bob.address, { ifRatchetKey }));
    expect(await archive(new Uint8Array(33))).toBe(false);
    expect(own !== undefined && (await archive(own))).toBe(true);
  });

  it("is one that nobody answered for 30 days", async () => {
    const [alice, bob] = [await createPerson(), await createPerson()];
    await send(alice, bob);
    const day = 24 * 60 * 60 * 1000;
    await alice.transactor.transact(async (tx) => {
      expect(await hasSession(tx, bob.address, { now: START + 29 * day })).toBe(true);
      expect(await hasSession(tx, bob.address, { now: START + 31 * day })).toBe(false);
      await rotateSignedPrekeys(tx, START + 30 * day);
      await encryptEnvelope(tx, bob.address, payload(), START + 30 * day);
      await expectCode(encryptEnvelope(tx, bob.address, payload(), START + 31 * day), "no_session");
    });
  });
});

describe("the library's own lists", () => {
  it("do not grow with the number of messages", async () => {
    const [alice, bob] = await acquainted();
    await deliver(alice, bob);
    const sender = alice.transactor.transact((tx) => encryptEnvelope(tx, bob.address, payload(), START));
    await sender;
    expect(SessionLock._promises.length).toBe(0);
    expect(SessionLock.errors.length).toBe(0);
  });
});
