import { randomUUID } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import {
  createAccount,
  exportAccount,
  getAccountKey,
  importAccount,
  signWithAccount,
} from "../src/account.ts";
import { concat, fromUtf8, toBase64, utf8 } from "../src/bytes.ts";
import { createDevice } from "../src/device.ts";
import {
  type DeviceListContent,
  decodeDeviceList,
  type SignedDeviceList,
  signDeviceList,
  verifyDeviceList,
} from "../src/device-list.ts";
import { createTransactor, type Transactor } from "../src/store.ts";
import { codeOf, expectCode } from "./expect-code.ts";
import { MemoryStore } from "./memory-store.ts";
import { START } from "./person.ts";

const accountId = randomUUID();

function device(seed: number) {
  return {
    deviceId: randomUUID(),
    identityKey: Uint8Array.of(5, ...new Uint8Array(32).fill(seed)),
    registrationId: seed,
  };
}

describe("a device list", () => {
  let owner: Transactor;
  let accountKey: Uint8Array;
  const [first, second] = [device(1), device(2)];
  let one: SignedDeviceList;
  let two: SignedDeviceList;

  const sign = (list: DeviceListContent) => owner.transact((tx) => signDeviceList(tx, list));
  const verify = (list: SignedDeviceList, previous?: { version: number; hash: Uint8Array }) =>
    verifyDeviceList({ ...list, accountKey, accountId, ...(previous && { previous }) });

  beforeAll(async () => {
    owner = createTransactor(new MemoryStore());
    accountKey = await owner.transact((tx) => createAccount(tx));
    one = await sign({ version: 1, accountId, devices: [first], previousHash: null });
    const { hash } = verify(one);
    two = await sign({ version: 2, accountId, devices: [first, second], previousHash: hash });
  });

  it("is accepted one after the other, and again", () => {
    const known = verify(one);
    const next = verify(two, known);
    expect(next.devices).toEqual([first, second]);
    expect(verify(two, next).hash).toEqual(next.hash);
  });

  it("is refused when it is older than the one that is known", () => {
    expect(codeOf(() => verify(one, verify(two)))).toBe("device_list_rollback");
  });

  it("is refused when it does not follow from the one that is known", async () => {
    const known = verify(one);
    const rival = await sign({ version: 1, accountId, devices: [second], previousHash: null });
    const onRival = await sign({ version: 2, accountId, devices: [], previousHash: verify(rival).hash });
    const skipping = await sign({ version: 3, accountId, devices: [], previousHash: verify(two).hash });
    for (const list of [rival, onRival, skipping]) {
      expect(codeOf(() => verify(list, known))).toBe("device_list_fork");
    }
  });

  it("is refused without the account's signature over exactly these bytes", async () => {
    const other = createTransactor(new MemoryStore());
    const otherKey = await other.transact((tx) => createAccount(tx));
    expect(codeOf(() => verifyDeviceList({ ...one, accountKey: otherKey }))).toBe("bad_signature");
    expect(codeOf(() => verify({ bytes: two.bytes, signature: one.signature }))).toBe("bad_signature");
    const bare = await owner.transact((tx) => signWithAccount(tx, one.bytes));
    expect(codeOf(() => verify({ bytes: one.bytes, signature: bare }))).toBe("bad_signature");
    expect(codeOf(() => verify({ bytes: one.bytes, signature: new Uint8Array(3) }))).toBe("bad_signature");
  });

  it("is refused for another account", () => {
    expect(codeOf(() => verifyDeviceList({ ...one, accountKey, accountId: randomUUID() }))).toBe(
      "bad_device_list",
    );
  });

  it("has one spelling: everything else is refused although it is signed", async () => {
    const text = fromUtf8(one.bytes);
    const key = toBase64(first.identityKey);
    const spellings = [
      ` ${text}`,
      text.replace('"devices"', '"extra":1,"devices"'),
      text.replace('"version":1', '"version":1,"version":1'),
      text.replace('"version":1', '"version":1.0'),
      text.replace('"version":1,', "").replace("}]", '}],"version":1'),
      text.replace('"registrationId":1', '"registrationId":1,"__proto__":{}'),
      text.replace('"previousHash":null', `"previousHash":"${toBase64(new Uint8Array(32))}"`),
      text.replace(key, key.slice(0, -1)),
      text.replace('"registrationId":1', '"registrationId":0'),
      text.replace(first.deviceId, first.deviceId.toUpperCase()),
      "null",
      "[]",
      "{",
    ];
    for (const spelling of spellings) {
      expect(spelling).not.toBe(text);
      const bytes = utf8(spelling);
      const signature = await owner.transact((tx) =>
        signWithAccount(tx, concat(utf8("sotto/device-list/1"), Uint8Array.of(0), bytes)),
      );
      expect(codeOf(() => verify({ bytes, signature }))).toBe("bad_device_list");
    }
  });

  it("is not signed when a device is in it twice, or its version and chain disagree", async () => {
    const base = { accountId, previousHash: null };
    const twin = { ...second, identityKey: first.identityKey };
    await expectCode(sign({ ...base, version: 1, devices: [first, first] }), "bad_device_list");
    await expectCode(sign({ ...base, version: 1, devices: [first, twin] }), "bad_device_list");
    await expectCode(sign({ ...base, version: 2, devices: [first] }), "bad_device_list");
    await expectCode(sign({ ...base, version: 0, devices: [first] }), "bad_device_list");
  });

  it("is extended by a device that joins with the account key", async () => {
    const privateKey = await owner.transact((tx) => exportAccount(tx));
    const joining = createTransactor(new MemoryStore());
    const deviceId = randomUUID();
    const registration = await joining.transact(async (tx) => {
      expect(await importAccount(tx, privateKey)).toEqual(accountKey);
      return createDevice(tx, {
        accountId,
        deviceId,
        now: START,
        oneTimePrekeys: 1,
        previousDeviceList: two,
      });
    });
    const list = verify(registration.deviceList, verify(two));
    expect(list.devices.map((listed) => listed.deviceId)).toEqual([
      first.deviceId,
      second.deviceId,
      deviceId,
    ]);
    expect(list.devices[2]?.identityKey).toEqual(registration.identityKey);
    expect(decodeDeviceList(registration.deviceList.bytes).version).toBe(3);
  });
});

describe("the account key", () => {
  it("is made once, and asked for by name when there is none", async () => {
    const { transact } = createTransactor(new MemoryStore());
    await expectCode(
      transact((tx) => getAccountKey(tx)),
      "no_account",
    );
    const identity = { accountId, deviceId: randomUUID(), now: START };
    await expectCode(
      transact((tx) => createDevice(tx, identity)),
      "no_account",
    );
    await transact((tx) => createAccount(tx));
    await expectCode(
      transact((tx) => createAccount(tx)),
      "bad_input",
    );
    await transact((tx) => createDevice(tx, { ...identity, oneTimePrekeys: 0 }));
    await expectCode(
      transact((tx) => createDevice(tx, identity)),
      "bad_input",
    );
  });
});
