import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { createClient } from "@sotto/client";
import type { TestRabbitmq } from "@sotto/testkit/rabbitmq";
import { useRabbitmq } from "@sotto/testkit/shared-rabbitmq";
import { type Stack, startStack } from "@sotto/testkit/stack";
import { afterAll, beforeAll, expect, test } from "vitest";
import { recordSecrets } from "./recording-store.ts";

const PLAINTEXT = "the crow flies at midnight over the weir";
/** One-time keys are all made alike; this many of each kind stand for the rest. */
const SAMPLE_OF_KIND = 5;

let broker: TestRabbitmq;
let stack: Stack;
/** The test stops the installation, so that everything is on disk. */
let stopped = false;
beforeAll(async () => {
  broker = await useRabbitmq();
  stack = await startStack({ env: { MESSAGE_BROKER_URL: broker.url, LOG_LEVEL: "trace" } });
});
afterAll(async () => {
  if (!stopped) await stack.stop();
  stack.remove();
  await broker.stop();
});

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== "secrets.json")
    .map((entry) => path.join(entry.parentPath, entry.name))
    .filter((file) => statSync(file).size > 0);
}

/** As bytes, and as the texts that bytes are written in. */
function spellings(secret: Buffer): Buffer[] {
  const base64 = secret.toString("base64").replace(/=+$/, "");
  // The last character of unpadded base64 depends on what follows.
  return [
    secret,
    ...[base64.slice(0, -1), secret.toString("base64url").slice(0, -1), secret.toString("hex")].map((text) =>
      Buffer.from(text),
    ),
  ];
}

/** Names of the needles that stand in a file of the server. */
function findIn(files: readonly string[], needles: ReadonlyMap<string, Buffer>): Set<string> {
  const wanted = [...needles].flatMap(([name, secret]) =>
    spellings(secret).map((bytes) => ({ name, bytes })),
  );
  const found = new Set<string>();
  for (const file of files) {
    const content = readFileSync(file);
    for (const { name, bytes } of wanted) if (content.includes(bytes)) found.add(name);
  }
  return found;
}

function sample(secrets: ReadonlyMap<string, Buffer>): Map<string, Buffer> {
  const taken = new Map<string, number>();
  return new Map(
    [...secrets].filter(([place]) => {
      const kind = place.startsWith("e2ee-one-time") ? place.split("/")[0] : undefined;
      if (kind === undefined) return true;
      taken.set(kind, (taken.get(kind) ?? 0) + 1);
      return (taken.get(kind) ?? 0) <= SAMPLE_OF_KIND;
    }),
  );
}

test("no plaintext, private key, ratchet key or content key is in the database, its log of changes, the broker or the logs", async () => {
  const secretsOfAlice = recordSecrets();
  const secretsOfBob = recordSecrets();
  const alice = await createClient({ url: stack.url, store: secretsOfAlice.opener });
  const bob = await createClient({ url: stack.url, store: secretsOfBob.opener });
  await alice.register({ username: "alice", email: "alice@example.org", password: "a long enough password" });
  await bob.register({ username: "bob", email: "bob@example.org", password: "another long password" });
  const heard = bob.messages()[Symbol.asyncIterator]();
  const chat = await alice.conversations.direct("bob");
  const { messageId, accepted } = await chat.send({ text: PLAINTEXT });
  await accepted;
  expect((await heard.next()).value?.text).toBe(PLAINTEXT);
  const answered = await (await bob.conversations.direct("alice")).send({ text: `${PLAINTEXT}, indeed` });
  await answered.accepted;
  await Promise.all([alice.close(), bob.close()]);
  stopped = true;
  await stack.stop();

  const files = [...filesBelow(stack.dataDir), ...filesBelow(broker.dir)];
  const secrets = new Map([
    ...[...sample(secretsOfAlice.found)].map(([place, bytes]): [string, Buffer] => [`alice ${place}`, bytes]),
    ...[...sample(secretsOfBob.found)].map(([place, bytes]): [string, Buffer] => [`bob ${place}`, bytes]),
    ["the plaintext", Buffer.from(PLAINTEXT)],
    ["a password", Buffer.from("a long enough password")],
  ]);
  for (const kind of ["e2ee-account/", "e2ee-device/", "e2ee-session/", "contentKey"]) {
    expect(
      [...secrets.keys()].filter((place) => place.includes(kind)),
      `secrets of the kind ${kind}`,
    ).not.toEqual([]);
  }
  expect(findIn(files, secrets)).toEqual(new Set());
  // What must be there is found in the same way: the search sees the rows.
  const visible = new Map([
    ["the message id", Buffer.from(messageId.replaceAll("-", ""), "hex")],
    ["a username", Buffer.from("alice")],
  ]);
  expect(findIn(files, visible)).toEqual(new Set(visible.keys()));
});
