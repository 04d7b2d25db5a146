import { randomUUID } from "node:crypto";
import type { ChatDatabase } from "@sotto/platform/db-types/chat";
import { sql, type Transaction } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type DeviceApp, type Joined, type Person, startDeviceApp } from "./device-app-fixture.ts";
import { createDevice } from "./device-fixture.ts";

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
