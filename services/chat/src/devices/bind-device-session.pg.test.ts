import { randomUUID } from "node:crypto";
import type { ChatDatabase } from "@sotto/platform/db-types/chat";
import { sql, type Transaction } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { revokeSession } from "../delivery/revoke-session.ts";
import { type DeviceApp, type Joined, type Person, startDeviceApp } from "./device-app-fixture.ts";
import { createDevice, createRegistration } from "./device-fixture.ts";

let app: DeviceApp;
let alice: Joined;
let next: Person;
beforeAll(async () => {
  app = await startDeviceApp();
});
afterAll(() => app.close());

const bind = (person: Person, deviceId: string, proof: string) =>
  app.call("PUT", `/devices/${deviceId}/session`, { token: person.token, body: { proof } });
const act = (person: Person) =>
  app.call("GET", `/devices/${alice.device.deviceId}/prekeys`, { token: person.token });

test("a new session acts as the device after its proof, and the one before no longer does", async () => {
  alice = await app.join();
  next = await app.signIn(alice.account);
  const { deviceId } = alice.device;
  expect(await act(next)).toMatchObject({ status: 401, body: { code: "device_unproven" } });
  expect(await bind(next, deviceId, alice.device.proof(next.sessionId))).toMatchObject({ status: 204 });
  expect(await act(next)).toMatchObject({ status: 200 });
  expect(await act(alice)).toMatchObject({ status: 401, body: { code: "device_unproven" } });
  expect(app.closedDevices).toEqual([{ deviceId, sessionId: alice.sessionId, reason: "superseded" }]);
});

test("a repeat of the proof changes nothing and ends no connection", async () => {
  const { deviceId } = alice.device;
  expect(await bind(next, deviceId, alice.device.proof(next.sessionId))).toMatchObject({ status: 204 });
  expect(app.closedDevices).toHaveLength(1);
});

test("a proof for another session, another device or by another key is refused", async () => {
  const thief = await app.signIn(alice.account);
  const { deviceId } = alice.device;
  const proofs = [
    alice.device.proof(next.sessionId),
    createDevice(deviceId).proof(thief.sessionId),
    alice.device.sign(Buffer.from(`${deviceId}\n${thief.sessionId}`)),
    alice.request.signedPrekey.signature,
  ];
  for (const proof of proofs) {
    expect(await bind(thief, deviceId, proof)).toMatchObject({
      status: 422,
      body: { code: "invalid_signature" },
    });
  }
  expect(await act(thief)).toMatchObject({ status: 401, body: { code: "device_unproven" } });
});

test("the device of another account cannot be bound even with its own proof, and looks like none", async () => {
  const mallory = await app.signIn();
  const { deviceId } = alice.device;
  const answer = await bind(mallory, deviceId, alice.device.proof(mallory.sessionId));
  const unknown = await bind(mallory, randomUUID(), alice.device.proof(mallory.sessionId));
  expect(answer).toMatchObject({ status: 404, body: { code: "not_found" } });
  expect(unknown).toMatchObject({ status: 404, body: { detail: answer.body.detail } });
});

/** Lets readers pass and holds up writers before they look. */
const holdWriters = (tx: Transaction<ChatDatabase>) => sql`lock table device in share mode`.execute(tx);

test("a device that is removed, or comes back with another key, during the proof is not bound", async () => {
  const person = await app.join();
  const later = await app.signIn(person.account);
  const { deviceId } = person.device;
  const attempt = () => bind(later, deviceId, person.device.proof(later.sessionId));
  const identity_key = Buffer.from(createDevice().identityKey, "base64");
  const rekeyed = await app.whileHeld(holdWriters, 1, attempt, (tx) =>
    tx.updateTable("device").set({ identity_key }).where("device_id", "=", deviceId).execute(),
  );
  expect(rekeyed).toMatchObject({ status: 404, body: { code: "not_found" } });
  const stored = await app.context.db
    .selectFrom("device")
    .select("session_id")
    .where("device_id", "=", deviceId)
    .executeTakeFirst();
  expect(stored).toEqual({ session_id: person.sessionId });
});

test("a revoked session, whose token still lives, binds no device and registers none", async () => {
  const person = await app.join();
  const { deviceId } = person.device;
  const ended = await app.signIn(person.account);
  expect(await bind(ended, deviceId, person.device.proof(ended.sessionId))).toMatchObject({ status: 204 });
  for (let delivery = 0; delivery < 2; delivery++) await revokeSession(app.context, ended.sessionId);
  expect(app.closedDevices.filter(({ sessionId }) => sessionId === ended.sessionId)).toEqual([
    { deviceId, sessionId: ended.sessionId, reason: "session_revoked" },
  ]);
  const again = await bind(ended, deviceId, person.device.proof(ended.sessionId));
  expect(again).toMatchObject({ status: 401, body: { code: "session_revoked" } });
  const stranger = await app.signIn();
  await revokeSession(app.context, stranger.sessionId);
  const device = createDevice();
  const body = createRegistration(stranger.account, device, stranger.account.signList([device]), 1);
  const registered = await app.call("POST", "/devices", { token: stranger.token, body });
  expect(registered).toMatchObject({ status: 401, body: { code: "session_revoked" } });
  // Another session of the same account goes on.
  const next = await app.signIn(person.account);
  expect(await bind(next, deviceId, person.device.proof(next.sessionId))).toMatchObject({ status: 204 });
});

test("a session that is revoked while a device is being bound to it ends up bound to none", async () => {
  const person = await app.join();
  const session = await app.signIn(person.account);
  const { deviceId } = person.device;
  const holdRow = (tx: Transaction<ChatDatabase>) =>
    tx.selectFrom("device").select("device_id").where("device_id", "=", deviceId).forUpdate().execute();
  const attempt = () => bind(session, deviceId, person.device.proof(session.sessionId));
  let revoking: Promise<void> | undefined;
  const bound = await app.whileHeld(holdRow, 1, attempt, async (tx) => {
    revoking = revokeSession(app.context, session.sessionId);
    const waiting = async () => {
      const { rows } = await sql`select 1 from pg_locks where not granted and locktype = 'advisory'
        and database = (select oid from pg_database where datname = current_database())`.execute(tx);
      return rows.length;
    };
    await expect.poll(waiting, { timeout: 5000, interval: 10 }).toBe(1);
  });
  await revoking;
  expect(bound).toMatchObject({ status: 204 });
  const row = await app.context.db
    .selectFrom("device")
    .select("session_id")
    .where("device_id", "=", deviceId)
    .executeTakeFirst();
  expect(row).toEqual({ session_id: null });
});
