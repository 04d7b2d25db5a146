import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { decryptEnvelope } from "../src/decrypt-envelope.ts";
import { encryptEnvelope } from "../src/encrypt-envelope.ts";
import { openBundleSession, type PrekeyBundle } from "../src/open-session.ts";
import { hasSession } from "../src/sessions.ts";
import { expectCode } from "./expect-code.ts";
import { damageMac, forgeFirstMessage } from "./forged-message.ts";
import { createPerson, deliver, openSession, type Person, payload, receive, START, send } from "./person.ts";

function flipped(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  copy[copy.length - 3] = (copy[copy.length - 3] ?? 0) ^ 4;
  return copy;
}

describe("D1: the identity of a first message", () => {
  it("is refused when it is not the listed one, and changes nothing", async () => {
    const [alice, bob, mallory] = [await createPerson(), await createPerson(), await createPerson()];
    const before = bob.store.dump();
    const forged = await forgeFirstMessage(mallory, bob, { identity: alice.registration.identityKey });
    await expectCode(receive(bob, alice, forged), "untrusted_identity");
    expect(bob.store.dump()).toBe(before);
    await deliver(alice, bob);
    await deliver(bob, alice);
  });

  it("is refused when an open session is with a key that is no longer listed", async () => {
    const [alice, bob, carol] = [await createPerson(), await createPerson(), await createPerson()];
    await deliver(alice, bob);
    await deliver(bob, alice);
    const next = await send(alice, bob);
    const relisted: Person = { ...alice, registration: carol.registration };
    await expectCode(receive(bob, relisted, next), "untrusted_identity");
    await receive(bob, alice, next);
  });

  it("stops sending when the session's identity is no longer listed", async () => {
    const [alice, bob, carol] = [await createPerson(), await createPerson(), await createPerson()];
    await deliver(alice, bob);
    const pinnedIdentityKey = carol.registration.identityKey;
    await alice.transactor.transact(async (tx) => {
      expect(await hasSession(tx, bob.address)).toBe(true);
      expect(await hasSession(tx, bob.address, { pinnedIdentityKey })).toBe(false);
      const attempt = encryptEnvelope(tx, bob.address, payload(), START, { pinnedIdentityKey });
      await expectCode(attempt, "untrusted_identity");
    });
  });
});

describe("D4: a first message that does not authenticate", () => {
  it("leaves no identity, no session and every prekey, even if the transaction goes on", async () => {
    const [alice, bob] = [await createPerson(), await createPerson()];
    const before = bob.store.dump();
    const junk = await forgeFirstMessage(alice, bob, { alter: damageMac });
    await bob.transactor.transact(async (tx) => {
      const attempt = decryptEnvelope(tx, alice.address, junk, alice.registration.identityKey);
      await expectCode(attempt, "decrypt_failed");
    });
    expect(bob.store.dump()).toBe(before);
    await deliver(alice, bob);
  });
});

describe("a bundle", () => {
  const damaged: Record<string, (bundle: PrekeyBundle) => PrekeyBundle> = {
    "the signed prekey's signature": ({ signedPrekey: key, ...rest }) => ({
      ...rest,
      signedPrekey: { ...key, signature: flipped(key.signature) },
    }),
    "the signed prekey": ({ signedPrekey: key, ...rest }) => ({
      ...rest,
      signedPrekey: { ...key, publicKey: flipped(key.publicKey) },
    }),
    "the KEM prekey": ({ kemPrekey: key, ...rest }) => ({
      ...rest,
      kemPrekey: { ...key, publicKey: flipped(key.publicKey) },
    }),
    "the KEM prekey's id": ({ kemPrekey: key, ...rest }) => ({
      ...rest,
      kemPrekey: { ...key, keyId: key.keyId + 1 },
    }),
    "the KEM prekey's signature": ({ kemPrekey: key, ...rest }) => ({
      ...rest,
      kemPrekey: { ...key, signature: flipped(key.signature) },
    }),
  };

  for (const [what, damage] of Object.entries(damaged)) {
    it(`is refused when somebody changed ${what}`, async () => {
      const [alice, bob] = [await createPerson(1), await createPerson(1)];
      const before = alice.store.dump();
      await expectCode(openSession(alice, bob, damage(bob.published.claim())), "bad_signature");
      expect(alice.store.dump()).toBe(before);
    });
  }

  it("is refused under another identity than the listed one, although all its signatures hold", async () => {
    const [alice, bob, mallory] = [await createPerson(1), await createPerson(1), await createPerson(1)];
    const bundle = { ...mallory.published.claim(), deviceId: bob.address.deviceId };
    await expectCode(openSession(alice, bob, bundle), "untrusted_identity");
  });

  it("is refused for another device, for this device itself, and in a bad form", async () => {
    const [alice, bob] = [await createPerson(1), await createPerson(1)];
    const bundle = bob.published.claim();
    await expectCode(openSession(alice, bob, { ...bundle, deviceId: randomUUID() }), "bad_bundle");
    await expectCode(openSession(alice, alice), "bad_address");
    await expectCode(openSession(alice, bob, { ...bundle, registrationId: 0 }), "bad_bundle");
    const zeroId = { ...bundle.signedPrekey, keyId: 0 };
    await expectCode(openSession(alice, bob, { ...bundle, signedPrekey: zeroId }), "bad_bundle");
    const bare = { ...bundle, identityKey: bundle.identityKey.slice(1) };
    await expectCode(openSession(alice, bob, bare), "bad_bundle");
  });

  it("is refused when a one-time prekey is the zero point", async () => {
    const [alice, bob] = [await createPerson(1), await createPerson(1)];
    const zero = new Uint8Array(33);
    zero[0] = 5;
    const bundle = { ...bob.published.claim(), oneTimePrekey: { keyId: 7, publicKey: zero } };
    await expectCode(openSession(alice, bob, bundle), "bad_key");
  });

  it("needs addresses that are UUIDs", async () => {
    const [alice, bob] = [await createPerson(1), await createPerson(1)];
    const address = { accountId: "a.b", deviceId: bob.address.deviceId };
    const attempt = alice.transactor.transact((tx) =>
      openBundleSession(tx, address, bob.published.claim(), bob.registration.identityKey),
    );
    await expectCode(attempt, "bad_address");
  });
});
