import { randomUUID } from "node:crypto";
import { deviceMismatch, type SendMessageRequest } from "@sotto/contracts/message-api";
import type { Resident } from "@sotto/testkit/population";
import fc from "fast-check";
import { v7 } from "uuid";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ChatNode, type ChatWorld, startChatWorld, until } from "../chat-node-fixture.ts";
import { ACCOUNT_LOCK_CLASS, accountLockKey } from "../devices/account-lock.ts";
import {
  addDevice,
  compose,
  findRows,
  openSocket,
  type Sent,
  sendByRequest,
  sendBySocket,
} from "./message-world-fixture.ts";

let world: ChatWorld;
let one: ChatNode;
let two: ChatNode;

beforeAll(async () => {
  world = await startChatWorld();
  one = await world.startNode({ NODE_NAME: "one" });
  two = await world.startNode({ NODE_NAME: "two" });
});
afterAll(() => world.close());

/** Alice with a phone and a tablet, Bob with two devices; Alice sends from her phone. */
async function household() {
  const [phone, bob] = (await world.people(2)) as [Resident, Resident];
  const conversationId = await world.talk(phone, bob);
  const [tablet, laptop] = [await addDevice(world.owner, phone), await addDevice(world.owner, bob)];
  return { phone, tablet, bob, laptop, conversationId };
}

type Household = Awaited<ReturnType<typeof household>>;

const withDevices = ({ phone, bob, conversationId }: Household, devices: readonly Resident[]) =>
  compose(conversationId, [phone, bob], devices);
const known = ({ deviceId, registrationId }: Resident) => ({ deviceId, registrationId });

async function expectRefusedWhole(request: SendMessageRequest, answer: Sent, details: unknown) {
  expect(answer).toMatchObject({ refused: { code: "device_mismatch" } });
  const told = "refused" in answer ? answer.refused.details : undefined;
  expect(deviceMismatch.parse(told)).toEqual(told);
  expect(told).toEqual(details);
  expect(await findRows(world.owner, request.messageId)).toEqual({ messages: 0, devices: [] });
}

describe("a message is refused whole, says exactly why, and nothing of it is stored", () => {
  test("when a device of the recipient is missing", async () => {
    const home = await household();
    const request = withDevices(home, [home.tablet, home.bob]);
    await expectRefusedWhole(request, await sendByRequest(world, one, home.phone, request), [
      { accountId: home.bob.accountId, missing: [known(home.laptop)], extra: [], stale: [] },
    ]);
  });

  test("when the sender's own other device is missing", async () => {
    const home = await household();
    const request = withDevices(home, [home.bob, home.laptop]);
    await expectRefusedWhole(request, await sendByRequest(world, one, home.phone, request), [
      { accountId: home.phone.accountId, missing: [known(home.tablet)], extra: [], stale: [] },
    ]);
  });

  test("when the sending device addresses itself", async () => {
    const home = await household();
    const request = withDevices(home, [home.phone, home.tablet, home.bob, home.laptop]);
    await expectRefusedWhole(request, await sendByRequest(world, one, home.phone, request), [
      { accountId: home.phone.accountId, missing: [], extra: [home.phone.deviceId], stale: [] },
    ]);
  });

  test("when a device was removed", async () => {
    const home = await household();
    await world.owner.query("delete from chat.device where device_id = $1", [home.laptop.deviceId]);
    const request = withDevices(home, [home.tablet, home.bob, home.laptop]);
    await expectRefusedWhole(request, await sendByRequest(world, one, home.phone, request), [
      { accountId: home.bob.accountId, missing: [], extra: [home.laptop.deviceId], stale: [] },
    ]);
  });

  test("when a device has set up new keys", async () => {
    const home = await household();
    const renewed = home.laptop.registrationId === 5 ? 6 : 5;
    await world.owner.query("update chat.device set registration_id = $2 where device_id = $1", [
      home.laptop.deviceId,
      renewed,
    ]);
    const request = withDevices(home, [home.tablet, home.bob, home.laptop]);
    await expectRefusedWhole(request, await sendByRequest(world, one, home.phone, request), [
      {
        accountId: home.bob.accountId,
        missing: [],
        extra: [],
        stale: [{ deviceId: home.laptop.deviceId, registrationId: renewed }],
      },
    ]);
  });

  test("when a member's account is left out", async () => {
    const home = await household();
    const full = withDevices(home, [home.tablet, home.bob, home.laptop]);
    const request = {
      ...full,
      recipients: full.recipients.filter(({ accountId }) => accountId !== home.bob.accountId),
    };
    const answer = await sendByRequest(world, one, home.phone, request);
    expect(answer).toMatchObject({ refused: { code: "device_mismatch" } });
    const { details } = (answer as { refused: { details: { missing: { deviceId: string }[] }[] } }).refused;
    expect(details).toHaveLength(1);
    expect(details[0]?.missing.map(({ deviceId }) => deviceId).sort()).toEqual(
      [home.bob.deviceId, home.laptop.deviceId].sort(),
    );
    expect(await findRows(world.owner, request.messageId)).toEqual({ messages: 0, devices: [] });
  });

  test("when an account that is no member, or does not exist, is addressed", async () => {
    const home = await household();
    const [carol] = (await world.people(1)) as [Resident];
    const nobody: Resident = { ...carol, accountId: v7(), deviceId: v7() };
    const request = compose(
      home.conversationId,
      [home.phone, home.bob, carol, nobody],
      [home.tablet, home.bob, home.laptop, carol, nobody],
    );
    await expectRefusedWhole(request, await sendByRequest(world, one, home.phone, request), [
      { accountId: carol.accountId, missing: [], extra: [carol.deviceId], stale: [] },
      { accountId: nobody.accountId, missing: [], extra: [nobody.deviceId], stale: [] },
    ]);
  });

  test("when a device is addressed under an account that is not its own", async () => {
    const home = await household();
    const full = withDevices(home, [home.tablet, home.bob]);
    const [own, other] = full.recipients as [
      SendMessageRequest["recipients"][number],
      SendMessageRequest["recipients"][number],
    ];
    const [smuggled] = withDevices(home, [home.laptop]).recipients[1]?.devices ?? [];
    const request = {
      ...full,
      recipients: [{ ...own, devices: [...own.devices, ...(smuggled ? [smuggled] : [])] }, other],
    };
    await expectRefusedWhole(request, await sendByRequest(world, one, home.phone, request), [
      { accountId: home.phone.accountId, missing: [], extra: [home.laptop.deviceId], stale: [] },
      { accountId: home.bob.accountId, missing: [known(home.laptop)], extra: [], stale: [] },
    ]);
  });

  test("by socket as by request, and the fitting messages around it are stored", async () => {
    const home = await household();
    const socket = await openSocket(world, two, home.phone);
    const good = [home.tablet, home.bob, home.laptop];
    const requests = [
      withDevices(home, good),
      withDevices(home, [home.tablet, home.bob]),
      withDevices(home, good),
    ];
    const answers = await Promise.all(requests.map((request) => sendBySocket(socket, request)));
    expect(answers.map((answer) => "accepted" in answer)).toEqual([true, false, true]);
    await expectRefusedWhole(requests[1] as SendMessageRequest, answers[1] as Sent, [
      { accountId: home.bob.accountId, missing: [known(home.laptop)], extra: [], stale: [] },
    ]);
  });
});

describe("a message is refused as bad", () => {
  test.each(["an account", "a device"])("when it names %s twice", async (what) => {
    const home = await household();
    const full = withDevices(home, [home.tablet, home.bob, home.laptop]);
    const recipients =
      what === "an account"
        ? [...full.recipients, full.recipients[0]]
        : full.recipients.map((each) => ({ ...each, devices: [...each.devices, ...each.devices] }));
    const request = { ...full, recipients } as SendMessageRequest;
    expect(await sendByRequest(world, one, home.phone, request)).toMatchObject({
      refused: { code: "bad_request", issues: [{ path: "recipients" }] },
    });
    expect((await findRows(world.owner, full.messageId)).messages).toBe(0);
  });
});

describe("nothing is stored for", () => {
  test("an unknown conversation and one that the sender is no member of: both look alike", async () => {
    const home = await household();
    const [mallory] = (await world.people(1)) as [Resident];
    const foreign = compose(home.conversationId, [home.phone, home.bob], [home.phone, home.bob]);
    const unknown = { ...foreign, messageId: v7(), conversationId: randomUUID() };
    const strip = (answer: Sent) => ("refused" in answer ? { ...answer.refused, requestId: "" } : answer);
    const answers = [
      strip(await sendByRequest(world, one, mallory, foreign)),
      strip(await sendByRequest(world, one, mallory, unknown)),
    ];
    expect(answers[0]).toMatchObject({ code: "not_found" });
    expect(answers[0]).toEqual(answers[1]);
    expect((await findRows(world.owner, foreign.messageId)).messages).toBe(0);
  });

  test("a device that was removed while its socket was still open", async () => {
    const home = await household();
    const socket = await openSocket(world, one, home.phone);
    await world.owner.query("delete from chat.device where device_id = $1", [home.phone.deviceId]);
    const request = withDevices(home, [home.tablet, home.bob, home.laptop]);
    expect(await sendBySocket(socket, request)).toMatchObject({ refused: { code: "device_unproven" } });
    expect((await findRows(world.owner, request.messageId)).messages).toBe(0);
  });
});

type Change = { at: string; devices: string[] };

/**
 * Adds and removes devices of `resident` under the lock of the device set, as registering and removing do, and logs
 * each set with the position in the write-ahead log at which it came into force.
 */
async function churn(
  resident: Resident,
  rounds: number,
  mayChange: (round: number) => boolean,
): Promise<Change[]> {
  const log: Change[] = [];
  const client = await world.owner.connect();
  let spare: Resident | undefined;
  for (let round = 0; round < rounds; round += 1) {
    await until("the next change", () => mayChange(round), 20_000);
    await client.query("begin");
    await client.query("select pg_advisory_xact_lock($1::int, $2::int)", [
      ACCOUNT_LOCK_CLASS,
      accountLockKey(resident.accountId),
    ]);
    if (spare) {
      await client.query("delete from chat.device where device_id = $1", [spare.deviceId]);
      spare = undefined;
    } else {
      spare = await addDevice(client, resident);
    }
    // The sequence orders this change among the messages: both draw from it while they hold the lock.
    const { rows } = await client.query("select nextval('chat.envelope_id') as at");
    log.push({ at: rows[0].at, devices: [resident.deviceId, ...(spare ? [spare.deviceId] : [])].sort() });
    await client.query("commit");
  }
  client.release();
  return log;
}

test("no message is ever stored for other devices than those at its commit, while devices come and go", async () => {
  const [alice, bob] = (await world.people(2)) as [Resident, Resident];
  const conversationId = await world.talk(alice, bob);
  let accepted = 0;
  let refused = 0;
  // Never so fast that every message meets a change.
  const churning = churn(bob, 60, (round) => accepted * 2 >= round);
  let done = false;
  churning.then(
    () => {
      done = true;
    },
    () => {
      done = true;
    },
  );
  const known = new Map<string, Resident>([[bob.deviceId, bob]]);
  /** Learns of Bob's devices only from refusals, as a client does. */
  async function sendStream(node: ChatNode): Promise<void> {
    while (!done) {
      const request = compose(conversationId, [alice, bob], [...known.values()]);
      const answer = await sendByRequest(world, node, alice, request);
      if ("accepted" in answer) {
        accepted += 1;
        continue;
      }
      refused += 1;
      for (const { missing, extra } of deviceMismatch.parse(answer.refused.details)) {
        for (const device of missing) known.set(device.deviceId, { ...bob, ...device });
        for (const deviceId of extra) known.delete(deviceId);
      }
    }
  }
  await Promise.all([sendStream(one), sendStream(two), sendStream(one)]);
  const log = await churning;
  const { rows } = await world.owner.query<{ first: string; devices: string[] }>(
    `select min(envelope_id) as first, array_agg(device_id::text order by device_id::text) as devices
     from chat.envelope e join chat.message m using (message_id)
     where m.conversation_id = $1 group by message_id`,
    [conversationId],
  );
  expect(rows).toHaveLength(accepted);
  expect(accepted).toBeGreaterThan(20);
  expect(refused).toBeGreaterThan(5);
  const setAt = (position: string) =>
    log.findLast(({ at }) => BigInt(at) < BigInt(position))?.devices ?? [bob.deviceId];
  const wrong = rows.filter(({ first, devices }) => devices.join() !== setAt(first).join());
  expect(wrong).toEqual([]);
});

test("any choice of envelopes is stored exactly when it is the recipients' device set", async () => {
  const home = await household();
  const all = [home.phone, home.tablet, home.bob, home.laptop];
  const socket = await openSocket(world, one, home.phone);
  await fc.assert(
    fc.asyncProperty(fc.subarray(all), fc.subarray(all), async (devices, stale) => {
      const addressed = devices.map((device) =>
        stale.includes(device) ? { ...device, registrationId: device.registrationId + 1 } : device,
      );
      const request = withDevices(home, addressed);
      const fits =
        devices.length === 3 && !devices.includes(home.phone) && addressed.every((d) => all.includes(d));
      const answer = await sendBySocket(socket, request);
      expect("accepted" in answer).toBe(fits);
      const expected = fits
        ? { messages: 1, devices: devices.map(({ deviceId }) => deviceId).sort() }
        : { messages: 0, devices: [] };
      expect(await findRows(world.owner, request.messageId)).toEqual(expected);
    }),
    { numRuns: 60 },
  );
});
