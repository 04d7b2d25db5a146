// People in processes of their own, whom a test can kill at any moment.
import { type ChildProcess, spawn } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const SCRIPT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../../tests/chatter.ts");

type Told = { type: string } & Record<string, unknown>;

export interface Chatter {
  readonly name: string;
  /** Everything told by all lives of this person. */
  readonly told: readonly Told[];
  /** Starts the process, or starts it again after its death; the store is the same. */
  start(): Promise<void>;
  say(text: string): void;
  kill9(): Promise<void>;
  readonly isAlive: boolean;
  /** Everything this device shows, in order. */
  history(): Promise<string[]>;
  close(): Promise<void>;
}

const PATIENCE_MS = 60_000;

/** A person named `name`, whose device is the file at `storePath`, and who writes to `other`. */
export function createChatter(options: {
  url: string;
  storePath: string;
  name: string;
  other: string;
}): Chatter {
  const told: Told[] = [];
  let child: ChildProcess | undefined;
  let errors = "";
  const command = (name: string, argument = ""): void => {
    if (child?.exitCode === null && child.signalCode === null) {
      child.stdin?.write(`${JSON.stringify({ command: name, argument })}\n`);
    }
  };
  const waitFor = async (type: string, from: number): Promise<Told> => {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const found = told.slice(from).find((each) => each.type === type);
      if (found) return found;
      if (performance.now() > deadline || child?.exitCode)
        throw new Error(`${options.name} never told "${type}"\n${errors}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  return {
    name: options.name,
    told,
    get isAlive() {
      return child !== undefined && child.exitCode === null && child.signalCode === null;
    },
    async start() {
      const from = told.length;
      const { url, storePath, name, other } = options;
      child = spawn(
        process.execPath,
        ["--disable-warning=ExperimentalWarning", SCRIPT, url, storePath, name, other],
        {
          stdio: ["pipe", "pipe", "pipe"],
        },
      );
      // A command that crosses the death of the process breaks the pipe; the death itself is what counts.
      child.stdin?.on("error", () => undefined);
      child.stderr?.on("data", (chunk: Buffer) => {
        errors += chunk.toString();
      });
      if (child.stdout)
        createInterface({ input: child.stdout }).on("line", (line) => told.push(JSON.parse(line)));
      await waitFor("ready", from);
    },
    say: (text) => command("say", text),
    async kill9() {
      child?.kill("SIGKILL");
      await ended(child);
    },
    async history() {
      const from = told.length;
      command("history");
      return (await waitFor("history", from)).texts as string[];
    },
    async close() {
      command("close");
      await ended(child);
    },
  };
}

function ended(child: ChildProcess | undefined): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once("exit", () => resolve()));
}
