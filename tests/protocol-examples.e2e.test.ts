import { readFileSync } from "node:fs";
import path from "node:path";
import { createClient, memoryStore } from "@sotto/client";
import { toWireRegistration } from "@sotto/client/session/sign-in";
import { errorStatus } from "@sotto/contracts/errors";
import { limits } from "@sotto/contracts/limits";
import type { SendMessageRequest } from "@sotto/contracts/message-api";
import { clientEvents, closeReason, serverEvents } from "@sotto/contracts/socket-events";
import { createAccount } from "@sotto/e2ee/account";
import { createDevice } from "@sotto/e2ee/device";
import { createTransactor } from "@sotto/e2ee/store";
import { type Stack, startStack } from "@sotto/testkit/stack";
import { v7 } from "uuid";
import { afterAll, beforeAll, expect, test } from "vitest";
import { differences, type Example, fill, readExamples } from "./protocol-examples.ts";

const DOCUMENT = readFileSync(path.resolve(import.meta.dirname, "../docs/protocol.md"), "utf8");

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(async () => {
  await stack.stop();
  stack.remove();
});

type Json = Record<string, unknown>;
/** What the examples call by name, and what the last answers held. */
type Names = Record<string, string>;

/** Bob is there before the examples begin; his tokens are those of a second session bound by his own client. */
async function inviteBob(): Promise<Names> {
  const kept = memoryStore();
  const store = await kept.open();
  const bob = await createClient({
    url: stack.url,
    store: { open: async () => ({ ...wrap(store), close: async () => {} }) },
  });
  await bob.register({ username: "bob", email: "bob@example.org", password: "a long enough password" });
  const account = await bob.account();
  await bob.close();
  const [row] = await store.list("client-session");
  const session = JSON.parse(Buffer.from(row?.value ?? []).toString("utf8")) as { accessToken: string };
  return {
    bobAccountId: account?.accountId ?? "",
    bobDeviceId: account?.deviceId ?? "",
    bobAccessToken: session.accessToken,
  };
}

function wrap(store: Awaited<ReturnType<ReturnType<typeof memoryStore>["open"]>>) {
  return {
    get: store.get.bind(store),
    list: store.list.bind(store),
    commit: store.commit.bind(store),
  };
}

async function makeRegistration(accountId: string) {
  const { transact } = createTransactor(await memoryStore().open());
  return transact(async (tx) => {
    await createAccount(tx);
    return toWireRegistration(
      await createDevice(tx, { accountId, deviceId: v7(), now: Date.parse("2026-01-01") }),
    );
  });
}

function makeMessage(
  names: Names,
  bundle: { registrationId: number },
  addressed: boolean,
): SendMessageRequest {
  const devices = addressed
    ? [{ deviceId: names.bobDeviceId ?? "", registrationId: bundle.registrationId, envelope: "ZW52ZWxvcGU=" }]
    : [];
  return {
    messageId: v7(),
    conversationId: names.conversationId ?? "",
    content: "Y29udGVudA==",
    recipients: [
      { accountId: names.accountId ?? "", devices: [] },
      { accountId: names.bobAccountId ?? "", devices },
    ],
  };
}

/** Values that no document can hold: fresh keys, and ids that the server has given. The example must have their shape. */
async function realBody(example: Example, names: Names): Promise<unknown> {
  if (example.path === "/api/chat/devices") return makeRegistration(names.accountId ?? "");
  if (example.path === "/api/chat/messages") {
    return makeMessage(names, { registrationId: Number(names.bobRegistrationId) }, example.status === 201);
  }
  return example.body;
}

/** Registration ids differ with every set of keys; the document shows one. */
const SHOWN_REGISTRATION_ID = 4711;

function shapeOfExample(example: unknown): unknown {
  if (example === undefined) return undefined;
  const text = JSON.stringify(example)
    .replaceAll(String(SHOWN_REGISTRATION_ID), '"<number>"')
    .replaceAll(/"keyId":\d+/g, '"keyId":"<number>"');
  return JSON.parse(text);
}

async function play(example: Example, names: Names): Promise<Json> {
  const asked = fill({ path: example.path, headers: example.headers, body: example.body }, names);
  const body = await realBody({ ...example, body: asked.body }, names);
  expect(
    differences(shapeOfExample(asked.body), body),
    `the body of the request at line ${example.line}`,
  ).toEqual([]);
  const response = await fetch(stack.url + asked.path, {
    method: example.method,
    headers: { ...asked.headers, ...(body !== undefined && { "Content-Type": "application/json" }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const answer = (await response.json()) as Json;
  expect(response.status, `line ${example.line}: ${JSON.stringify(answer)}`).toBe(example.status);
  expect(differences(shapeOfExample(example.answer), answer), `the answer to line ${example.line}`).toEqual(
    [],
  );
  return answer;
}

function remember(names: Names, answer: Json): void {
  const { account, session, bundles, conversationId, deviceId, envelopes } = answer as {
    account?: Names;
    session?: Names;
    bundles?: { registrationId: number }[];
    conversationId?: string;
    deviceId?: string;
    envelopes?: { envelopeId: number }[];
  };
  if (account) Object.assign(names, { accountId: account.accountId });
  if (session) Object.assign(names, { accessToken: session.accessToken, refreshToken: session.refreshToken });
  if (bundles) names.bobRegistrationId = String(bundles[0]?.registrationId);
  if (conversationId) names.conversationId = conversationId;
  if (deviceId) names.deviceId = deviceId;
  if (envelopes) names.envelopeId = String(envelopes[0]?.envelopeId);
}

test("every example of the protocol document is true, run in its order", async () => {
  const names = await inviteBob();
  const examples = readExamples(DOCUMENT);
  expect(examples.length).toBeGreaterThan(12);
  for (const example of examples) {
    const numbered = JSON.parse(
      JSON.stringify(example).replaceAll('"{envelopeId}"', names.envelopeId ?? '"{envelopeId}"'),
    ) as Example;
    remember(names, await play(numbered, names));
  }
});

test("the document names every error with its status, every event, every limit that a client meets", () => {
  for (const [code, status] of Object.entries(errorStatus))
    expect(DOCUMENT).toContain(`| \`${code}\` | ${status} |`);
  for (const name of [...Object.keys(clientEvents), ...Object.keys(serverEvents), ...closeReason.options]) {
    expect(DOCUMENT, name).toContain(`\`${name}\``);
  }
  for (const text of [
    `sealed content of a message | ${limits.contentBytes / 1024} KiB`,
    `an envelope | ${limits.envelopeBytes / 1024} KiB`,
    `devices of an account | ${limits.devicesPerAccount} `,
    `members of a conversation | ${limits.membersPerConversation} `,
    `one-time prekeys of a kind | ${limits.oneTimePrekeys} `,
    `in flight to a device | ${limits.deliveryWindow} `,
    `a page of the inbox | ${limits.deliveryWindowBytes / 1024} KiB`,
    `in one acknowledgement | ${limits.acknowledgedPerFrame} `,
    `signed device list | ${limits.deviceListBytes / 1024} KiB`,
    `body of a key upload | ${limits.keyUploadBytes / 1024} KiB`,
    `other bodies | ${limits.bodyBytes / 1024} KiB`,
    `username | ${limits.usernameMin} to ${limits.usernameMax} characters`,
    `password | ${limits.passwordMin} to ${limits.passwordMax} characters`,
    `page | ${limits.pageMax} `,
  ]) {
    expect(DOCUMENT).toContain(text);
  }
});
