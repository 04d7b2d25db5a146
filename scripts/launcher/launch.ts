// Starts a whole installation on this machine and keeps it running.
import path from "node:path";
import { migrate } from "../../db/migrate.ts";
import { findFreePort, isPortFree } from "../embedded/free-port.ts";
import { acquireLock, type Lock, LockedError } from "../embedded/lock.ts";
import { makePassableFolder } from "../embedded/postgres-directory.ts";
import { type ChildSpec, startChild } from "./child-process.ts";
import { openLogFile } from "./log-file.ts";
import { noteworthy } from "./log-line.ts";
import { type Ports, partSpecs, wantedPorts } from "./parts.ts";
import { choosePorts } from "./ports.ts";
import { startPostgresLife } from "./postgres-life.ts";
import { type RunningPart, removeRunFile, writeRunFile } from "./run-file.ts";
import { loadSecrets, type Secrets } from "./secrets.ts";
import type { Settings } from "./settings.ts";
import { type Life, type Observer, type Supervised, supervise } from "./supervise.ts";
import type { Terminal } from "./terminal.ts";

export interface LaunchOptions {
  /** Of the repository. */
  readonly root: string;
  readonly settings: Settings;
  readonly terminal: Terminal;
}

export interface Installation {
  /** Resolves with the address when everything is ready; rejects when a part cannot be started. */
  readonly ready: Promise<string>;
  /** Ends everything in good order. */
  stop(): Promise<void>;
  /** Ends everything at once. */
  kill(): void;
}

interface Running {
  readonly parts: { readonly supervised: Supervised; readonly port: number }[];
  readonly logs: { close(): void }[];
  lock: Lock | undefined;
  url: string | undefined;
  stopping: boolean;
}

/** For the person who started us: the folder, and what to do about it. */
function explain(error: unknown, dataDir: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (error instanceof LockedError)
    return new Error(
      `Sotto already runs on ${dataDir} (process ${error.owner.pid}). Stop it first, or start a second one with ` +
        "SOTTO_DATA_DIR set to another folder and PORT to another port.",
      { cause: error },
    );
  if (code === "EACCES" || code === "EROFS" || code === "EPERM")
    return new Error(`Sotto cannot write to ${dataDir}. Set SOTTO_DATA_DIR to a folder that you own.`, {
      cause: error,
    });
  if (code === "ENOSPC")
    return new Error(
      `The disk that holds ${dataDir} is full. Free some space, or set SOTTO_DATA_DIR to another disk.`,
      {
        cause: error,
      },
    );
  return error;
}

async function prepare(
  { settings }: LaunchOptions,
  running: Running,
): Promise<{ secrets: Secrets; ports: Ports }> {
  makePassableFolder(settings.dataDir);
  running.lock = acquireLock(path.join(settings.dataDir, "lock"));
  if (settings.port !== 0 && !(await isPortFree(settings.port)))
    throw new Error(
      `Port ${settings.port} is in use by another program. Choose another one, for example: ` +
        `PORT=${settings.port === 65_535 ? 8090 : settings.port + 10} npm start`,
    );
  const secrets = loadSecrets(settings.dataDir);
  const ports = await choosePorts({ gateway: settings.port, ...wantedPorts(settings) });
  return { secrets, ports };
}

function logOf(
  name: string,
  { settings, terminal }: LaunchOptions,
  running: Running,
): ReturnType<typeof openLogFile> {
  const log = openLogFile(path.join(settings.dataDir, "logs", `${name}.log`), (error) =>
    terminal.part(name, `the log cannot be written: ${error.message}`),
  );
  running.logs.push(log);
  return log;
}

function observerOf({ settings, terminal }: LaunchOptions, running: Running): Observer {
  return {
    ready: (name, pid) => {
      const port = running.parts.find((part) => part.supervised.name === name)?.port;
      terminal.part(name, `ready on 127.0.0.1:${port} (process ${pid})`);
      describe(settings, running);
    },
    died: (name, how, delayMs) => {
      terminal.part(name, `died: ${how}. Starting it again in ${delayMs / 1000} s.`);
      describe(settings, running);
    },
  };
}

/** Brings run.json up to date, once everything has been ready. */
function describe({ dataDir, brokerUrl }: Settings, { url, parts, stopping }: Running): void {
  if (url === undefined || stopping) return;
  const described = parts.map(({ supervised, port }): RunningPart => {
    return { name: supervised.name, pid: supervised.pid(), port, url: `http://127.0.0.1:${port}` };
  });
  const bus = brokerUrl === undefined ? "PostgreSQL" : "RabbitMQ";
  writeRunFile(dataDir, { url, pid: process.pid, bus, parts: described });
}

async function startDatabase(options: LaunchOptions, running: Running, observer: Observer): Promise<string> {
  const name = "postgresql";
  const log = logOf(name, options, running);
  const port = await findFreePort();
  const dir = path.join(options.settings.dataDir, "postgres");
  const url = Promise.withResolvers<string>();
  const start = async (): Promise<Life> => {
    const life = await startPostgresLife({ dir, port, onLog: (line) => log.write(`${line}\n`) });
    url.resolve(life.url);
    return life;
  };
  const supervised = supervise(name, start, observer);
  running.parts.push({ supervised, port });
  await supervised.firstReady;
  return url.promise;
}

function startPart(
  spec: ChildSpec,
  port: number,
  options: LaunchOptions,
  running: Running,
  observer: Observer,
): void {
  const log = logOf(spec.name, options, running);
  const onLine = (line: string): void => {
    const text = noteworthy(line);
    if (text !== undefined && !running.stopping) options.terminal.partSays(spec.name, text);
  };
  const supervised = supervise(spec.name, async () => startChild(spec, log, onLine), observer);
  running.parts.push({ supervised, port });
}

/** Ctrl-C may come while we start: nothing more is started after that. */
function assertNotStopping({ stopping }: Running): void {
  if (stopping) throw new Error("Sotto was stopped before it was ready.");
}

async function start(options: LaunchOptions, running: Running): Promise<string> {
  const { settings, terminal, root } = options;
  const { secrets, ports } = await prepare(options, running);
  assertNotStopping(running);
  terminal.line(`Sotto keeps its data in ${settings.dataDir}`);
  const observer = observerOf(options, running);
  const databaseUrl = await startDatabase(options, running, observer);
  const { applied } = await migrate({ databaseUrl, rolePasswords: secrets.databasePasswords });
  terminal.part("migrations", applied.length === 0 ? "nothing to do" : `applied ${applied.length}`);
  const ownUrl = `http://localhost:${ports.gateway}`;
  const publicUrl = settings.publicUrl ?? ownUrl;
  const specs = partSpecs({ root, settings, secrets, ports, databaseUrl, publicUrl });
  assertNotStopping(running);
  for (const spec of specs) startPart(spec, ports[spec.name as keyof Ports], options, running, observer);
  await Promise.all(running.parts.map(({ supervised }) => supervised.firstReady));
  running.url = ownUrl;
  describe(settings, running);
  return ownUrl;
}

async function stopAll({ settings }: LaunchOptions, running: Running): Promise<void> {
  running.stopping = true;
  const [database, ...services] = running.parts.map((part) => part.supervised);
  const gateway = services.pop();
  // First nobody new comes in, then the services finish what they have begun, last the database.
  await gateway?.stop();
  await Promise.all(services.map((service) => service.stop()));
  await database?.stop();
  for (const log of running.logs) log.close();
  if (running.lock === undefined) return;
  removeRunFile(settings.dataDir);
  running.lock.release();
}

/** Starts everything; what fails is told by `ready`, after which `stop` still has to be called. */
export function launch(options: LaunchOptions): Installation {
  const running: Running = { parts: [], logs: [], lock: undefined, url: undefined, stopping: false };
  const ready = start(options, running).catch((error: unknown) => {
    throw explain(error, options.settings.dataDir);
  });
  return {
    ready,
    stop: () => stopAll(options, running),
    kill: () => {
      running.stopping = true;
      for (const { supervised } of running.parts) supervised.kill();
    },
  };
}
