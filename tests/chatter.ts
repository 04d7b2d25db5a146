// A person in a process of its own, so that a test can kill it: reads commands from its standard input, tells what
// it saw on its standard output, one JSON object a line.
import { createInterface } from "node:readline";
import { type Conversation, createClient, sqliteStore } from "@sotto/client";

const [url, storePath, name, other] = process.argv.slice(2) as [string, string, string, string];
const tell = (event: Record<string, unknown>): void =>
  void process.stdout.write(`${JSON.stringify(event)}\n`);

const client = await createClient({ url, store: sqliteStore(storePath) });
if ((await client.account()) === undefined) {
  await client.register({
    username: name,
    email: `${name}@example.org`,
    password: `${name} has a long password`,
  });
}
client.on("undecryptable", (problem) => tell({ type: "undecryptable", ...problem }));
client.on("refused", ({ error }) => tell({ type: "refused", code: error.code }));
tell({ type: "ready", account: await client.account() });

let chat: Conversation | undefined;
const open = async (): Promise<Conversation> => {
  chat ??= await client.conversations.direct(other);
  return chat;
};

/** Everything this device has ever shown, from its store: what a person sees after a restart. */
async function history(): Promise<string[]> {
  const conversation = await open();
  const texts: string[] = [];
  let after: number | undefined;
  for (;;) {
    const page = await conversation.history({ limit: 200, ...(after !== undefined && { after }) });
    for (const { text, problem } of page) texts.push(text ?? `[${problem}]`);
    const last = page.at(-1);
    if (!last) return texts;
    after = last.place;
  }
}

const commands: Record<string, (argument: string) => Promise<void>> = {
  async say(text) {
    const sent = await (await open()).send({ text });
    tell({ type: "queued", text });
    sent.accepted.then(
      () => tell({ type: "accepted", text }),
      (error: { code?: string }) => tell({ type: "not-accepted", text, code: error.code }),
    );
  },
  async history() {
    tell({ type: "history", texts: await history() });
  },
  async close() {
    await client.close();
    process.exit(0);
  },
};

// One command at a time, in the order given.
let last = Promise.resolve();
for await (const line of createInterface({ input: process.stdin })) {
  const { command, argument } = JSON.parse(line) as { command: string; argument: string };
  last = last
    .then(() => commands[command]?.(argument))
    .catch((error: Error) => tell({ type: "failed", command, message: error.message }));
}
// The test has ended, perhaps badly: nobody listens any more.
await client.close();
process.exit(0);
