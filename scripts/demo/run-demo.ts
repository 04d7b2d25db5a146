import { describeRows } from "./describe-rows.ts";
import type { Installation, LocalInstallation } from "./installation.ts";
import { createPerson, type Person } from "./person.ts";

type Print = (line: string) => void;

const RECONNECTS = 10;
const SETTLE_PATIENCE_MS = 10_000;

/** Plays the demo; true when each side has seen every message once and in order. */
export async function runDemo(installation: Installation, print: Print): Promise<boolean> {
  const { url, local } = installation;
  print(`Sotto at ${url}\n`);
  const alice = await createPerson(url, "alice");
  const bob = await createPerson(url, "bob");
  await alice.talkTo(bob.name);
  await bob.talkTo(alice.name);
  print(`${alice.name} and ${bob.name} have registered, each with a device and its keys.`);
  if (local) await separate(local, alice, bob, print);
  else print("This installation runs elsewhere: its nodes and rows cannot be reached from here.");

  await converse(alice, bob, "Hi Bob, can anybody read this?", "Only the two of us.", "Not even the server?");

  print("\nBob closes his app. Alice writes on.");
  await bob.leave();
  await alice.say("You are offline now.");
  await alice.say("This waits for you, encrypted.");
  if (local) await printRows(local, bob, print);
  await bob.comeBack();
  await bob.waitFor(alice.seen.length);

  if (local) await killNodeOf(local, alice, print);
  await converse(
    bob,
    alice,
    "Was that your node?",
    "It was. I am on another one now.",
    "Nothing is missing here.",
  );

  await settle(local, alice, bob);
  const complete = report(alice, bob, print);
  await Promise.all([alice.end(), bob.end()]);
  await local?.close();
  return complete;
}

/** The two speak in turn; each answers when the other's words have arrived. */
async function converse(first: Person, second: Person, ...lines: readonly string[]): Promise<void> {
  for (const [index, text] of lines.entries()) {
    const [speaker, listener] = index % 2 === 0 ? [first, second] : [second, first];
    await speaker.say(text);
    await listener.waitFor(speaker.seen.length);
  }
}

/** A message that came twice would come about now: waits until no mailbox holds one, and a moment more. */
async function settle(local: LocalInstallation | undefined, alice: Person, bob: Person): Promise<void> {
  const devices = [alice.deviceId, bob.deviceId];
  const deadline = performance.now() + SETTLE_PATIENCE_MS;
  while (local && performance.now() < deadline) {
    const rows = await local.query("select 1 from chat.envelope where device_id = any($1) limit 1", [
      devices,
    ]);
    if (rows.length === 0) break;
    await pause(100);
  }
  await pause(1000);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Has Bob connect anew until the two are on different nodes; the gateway hands connections out in turn. */
async function separate(local: LocalInstallation, alice: Person, bob: Person, print: Print): Promise<void> {
  for (let attempt = 0; attempt < RECONNECTS; attempt += 1) {
    const nodes = await local.nodesOf([alice.deviceId, bob.deviceId]);
    const [a, b] = [nodes.get(alice.deviceId), nodes.get(bob.deviceId)];
    if (a !== undefined && b !== undefined && a !== b) {
      print(`Alice is connected to ${a}, Bob to ${b}.`);
      return;
    }
    await pause(300);
    if (a === b && a !== undefined) {
      await bob.leave();
      await bob.comeBack();
    }
  }
  throw new Error("the two could not be connected to different nodes.");
}

async function killNodeOf(local: LocalInstallation, person: Person, print: Print): Promise<void> {
  const node = (await local.nodesOf([person.deviceId])).get(person.deviceId);
  if (node === undefined) throw new Error(`${person.name} is connected to no node.`);
  local.killNode(node);
  print(`\n${node}, to which Alice is connected, is killed (kill -9).`);
}

async function printRows(local: LocalInstallation, recipient: Person, print: Print): Promise<void> {
  print("\nWhat the server stores for Bob at this moment:");
  const rows = await local.query(
    `select m.message_id, m.accepted_at, octet_length(m.content) as content_bytes, m.content,
       octet_length(e.envelope) as envelope_bytes, e.envelope
     from chat.envelope e join chat.message m using (message_id) where e.device_id = $1 order by e.envelope_id`,
    [recipient.deviceId],
  );
  for (const line of describeRows(rows)) print(line);
}

/** Prints both sides beside each other. */
function report(alice: Person, bob: Person, print: Print): boolean {
  const width = 46;
  print(`\n${"As Alice sees it".padEnd(width)}| As Bob sees it`);
  print(`${"-".repeat(width)}+${"-".repeat(width)}`);
  const rows = Math.max(alice.seen.length, bob.seen.length);
  const line = (person: Person, index: number) => {
    const message = person.seen[index];
    return message ? `${message.from.split("_")[0]}: ${message.text}` : "";
  };
  for (let index = 0; index < rows; index += 1)
    print(`${line(alice, index).padEnd(width)}| ${line(bob, index)}`);
  const complete = JSON.stringify(alice.seen) === JSON.stringify(bob.seen) && alice.seen.length === 8;
  print(
    complete
      ? "\nEvery message arrived once, in order."
      : "\nThe two sides differ: something was lost, doubled or moved.",
  );
  return complete;
}
