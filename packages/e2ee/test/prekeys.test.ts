import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { decryptEnvelope } from "../src/decrypt-envelope.ts";
import type { DeviceRegistration } from "../src/device.ts";
import { encryptEnvelope } from "../src/encrypt-envelope.ts";
import { keyIdRow, prekeyTables } from "../src/prekeys.ts";
import { forgetDevice } from "../src/sessions.ts";
import {
  currentPrekeys,
  dropExpiredPrekeys,
  dropUsedPrekeys,
  isRotationDue,
  keyDigest,
  replenishPrekeys,
  rotateSignedPrekeys,
} from "../src/upkeep.ts";
import { expectCode } from "./expect-code.ts";
import {
  createPerson,
  deliver,
  openSession,
  type Person,
  Published,
  payload,
  receive,
  START,
  send,
} from "./person.ts";

const DAY = 24 * 60 * 60 * 1000;

function keyIds({
  signedPrekey,
  lastResortKemPrekey,
  oneTimePrekeys,
  oneTimeKemPrekeys,
}: DeviceRegistration) {
  return [signedPrekey, lastResortKemPrekey, ...oneTimePrekeys, ...oneTimeKemPrekeys].map(
    ({ keyId }) => keyId,
  );
}

function receiveKeeping(to: Person, from: Person, envelope: Uint8Array) {
  return to.transactor.transact((tx) =>
    decryptEnvelope(tx, from.address, envelope, from.registration.identityKey, { keepUsedPrekeys: true }),
  );
}

describe("a first message delivered again", () => {
  it("is a duplicate while its session lives", async () => {
    const [alice, bob] = [await createPerson(0), await createPerson(0)];
    const first = await send(alice, bob);
    await receive(bob, alice, first);
    await expectCode(receive(bob, alice, first), "duplicate");
  });

  it("does not open a second time after its session is gone, although it used only lasting keys", async () => {
    const [alice, bob] = [await createPerson(0), await createPerson(0)];
    const first = await send(alice, bob);
    await receive(bob, alice, first);
    await bob.transactor.transact((tx) => forgetDevice(tx, alice.address));
    await expectCode(receive(bob, alice, first), "replayed");
  });

  it("does not open a second time after its session is gone, because its one-time keys are", async () => {
    const [alice, bob] = [await createPerson(1), await createPerson(1)];
    const first = await send(alice, bob);
    await receive(bob, alice, first);
    await bob.transactor.transact((tx) => forgetDevice(tx, alice.address));
    await expectCode(receive(bob, alice, first), "unknown_prekey");
    expect(await bob.store.list(prekeyTables.ec)).toEqual([]);
    expect(await bob.store.list(prekeyTables.kem)).toEqual([]);
  });

  it("is refused without the one-time prekey it names, even where the KEM key is still there", async () => {
    const [alice, bob] = [await createPerson(0), await createPerson(1)];
    const { kemPrekey: _oneTime, ...rest } = bob.published.claim();
    await openSession(alice, bob, {
      ...rest,
      kemPrekey: { ...bob.registration.lastResortKemPrekey, lastResort: true },
    });
    const first = await send(alice, bob);
    const keyId = rest.oneTimePrekey?.keyId ?? 0;
    await bob.transactor.transact(async (tx) => tx.delete(prekeyTables.ec, keyIdRow(keyId)));
    await expectCode(receive(bob, alice, first), "unknown_prekey");
  });

  it("may share its base key with no other KEM ciphertext", async () => {
    const [alice, bob] = [await createPerson(1), await createPerson(1)];
    const first = await send(alice, bob);
    await receive(bob, alice, first);
    const other = await send(alice, bob);
    other[200] = (other[200] ?? 0) ^ 1;
    await expectCode(receive(bob, alice, other), "bad_envelope");
  });
});

describe("one-time keys that are kept while a backlog is read", () => {
  it("open a second first message made with the same keys, as after a restored server", async () => {
    const [alice, carol, bob] = [await createPerson(1), await createPerson(1), await createPerson(1)];
    const restored = new Published(bob.registration).claim();
    const fromAlice = await send(alice, bob);
    await openSession(carol, bob, restored);
    const fromCarol = await send(carol, bob);
    await receiveKeeping(bob, alice, fromAlice);
    await receiveKeeping(bob, carol, fromCarol);
    await bob.transactor.transact((tx) => dropUsedPrekeys(tx));
    expect(await bob.store.list(prekeyTables.ec)).toEqual([]);
    expect(await bob.store.list(prekeyTables.kem)).toEqual([]);
    expect(await bob.store.list("e2ee-prekey-use")).toEqual([]);
  });

  it("do not let the same message start its session twice", async () => {
    const [alice, bob] = [await createPerson(1), await createPerson(1)];
    const first = await send(alice, bob);
    await receiveKeeping(bob, alice, first);
    await bob.transactor.transact((tx) => forgetDevice(tx, alice.address));
    await expectCode(receiveKeeping(bob, alice, first), "replayed");
  });
});

describe("key ids", () => {
  it("are never used twice by a device, whatever the kind and however often it refills", async () => {
    const bob = await createPerson(5);
    const seen = keyIds(bob.registration);
    for (let round = 1; round < 4; round++) {
      const made = await bob.transactor.transact((tx) => replenishPrekeys(tx, { ec: 3, kem: 3 }));
      const rotated = await bob.transactor.transact((tx) => rotateSignedPrekeys(tx, START + round * DAY));
      seen.push(...[...made.oneTimePrekeys, ...made.oneTimeKemPrekeys].map(({ keyId }) => keyId));
      seen.push(rotated.signedPrekey.keyId, rotated.lastResortKemPrekey.keyId);
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(Math.min(...seen)).toBeGreaterThanOrEqual(1);
    expect(Math.max(...seen)).toBeLessThan(2 ** 31);
  });
});

describe("upkeep", () => {
  it("opens first messages made with a replaced key for 30 days, and then no more", async () => {
    const [alice, carol, bob] = [await createPerson(0), await createPerson(0), await createPerson(0)];
    const [fromAlice, fromCarol] = [await send(alice, bob), await send(carol, bob)];
    await bob.transactor.transact((tx) => rotateSignedPrekeys(tx, START + 2 * DAY));
    await bob.transactor.transact((tx) => dropExpiredPrekeys(tx, START + 31 * DAY));
    await receive(bob, alice, fromAlice);
    expect(await bob.store.list("e2ee-prekey-use")).toHaveLength(1);
    await bob.transactor.transact((tx) => dropExpiredPrekeys(tx, START + 33 * DAY));
    await expectCode(receive(bob, carol, fromCarol), "unknown_prekey");
    expect(await bob.store.list("e2ee-prekey-use")).toEqual([]);
    expect(await bob.store.list(prekeyTables.signed)).toHaveLength(1);
  });

  it("is due after two days, and sending stops after fourteen without it", async () => {
    const [alice, bob] = [await createPerson(1), await createPerson(1)];
    await deliver(alice, bob);
    const sendAt = (now: number) =>
      alice.transactor.transact((tx) => encryptEnvelope(tx, bob.address, payload(), now));
    await alice.transactor.transact(async (tx) => {
      expect(await isRotationDue(tx, START + 1 * DAY)).toBe(false);
      expect(await isRotationDue(tx, START + 2 * DAY)).toBe(true);
    });
    await sendAt(START + 14 * DAY);
    await expectCode(sendAt(START + 14 * DAY + 1), "keys_stale");
    await alice.transactor.transact((tx) => rotateSignedPrekeys(tx, START + 15 * DAY));
    await sendAt(START + 15 * DAY);
  });

  it("keeps at most 1000 private one-time keys of a kind, the newest", async () => {
    const bob = await createPerson(2);
    await bob.transactor.transact(async (tx) => {
      for (let id = 0; id < 1005; id++)
        tx.put(prekeyTables.ec, `9${String(id).padStart(9, "0")}`, new Uint8Array(1));
      await replenishPrekeys(tx, { ec: 0, kem: 0 });
    });
    const rows = await bob.store.list(prekeyTables.ec);
    expect(rows).toHaveLength(1000);
    expect(rows[0]?.key).toBe("9000000005");
  });

  it("computes the digest of the keys in force as the server does", async () => {
    const bob = await createPerson(0);
    const { identityKey } = bob.registration;
    const id = (keyId: number) => {
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64BE(BigInt(keyId));
      return bytes;
    };
    const rotated = await bob.transactor.transact((tx) => rotateSignedPrekeys(tx, START + DAY));
    const { signedPrekey, lastResortKemPrekey } = rotated;
    const expected = createHash("sha256")
      .update(identityKey)
      .update(id(signedPrekey.keyId))
      .update(signedPrekey.publicKey)
      .update(id(lastResortKemPrekey.keyId))
      .update(lastResortKemPrekey.publicKey)
      .digest("hex");
    const digest = await bob.transactor.transact((tx) => keyDigest(tx));
    expect(Buffer.from(digest).toString("hex")).toBe(expected);
    expect(await bob.transactor.transact((tx) => currentPrekeys(tx))).toEqual(rotated);
  });
});
