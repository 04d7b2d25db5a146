// A private RabbitMQ for tests: the program of the machine, on free ports of the loopback, with files of its own,
// without a right beyond them.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { findFreePort } from "../../../scripts/embedded/free-port.ts";
import { issueCertificate } from "./certificates.ts";

export interface TestRabbitmq {
  /** amqp://, of a user with all rights. The same before and after a restart. */
  readonly url: string;
  /** The same over TLS, by the name `localhost`; the certificate says no other. */
  readonly tlsUrl: string;
  /** PEM; signed the broker's certificate. */
  readonly ca: string;
  /** Where the broker keeps its queues and its log. */
  readonly dir: string;
  /** Ends the broker as a power cut would. */
  kill9(): Promise<void>;
  /** Starts it again on its files, unless it runs. */
  restart(): Promise<void>;
  /** Runs rabbitmqctl, as an operator would; answers what it prints. */
  ctl(...args: string[]): Promise<string>;
  /** Ends everything and removes the files. */
  stop(): Promise<void>;
}

/** The script of the package does not change the user, as the one in the path does. */
const SERVER = process.env.SOTTO_RABBITMQ_SERVER ?? "/usr/lib/rabbitmq/bin/rabbitmq-server";
const UNPRIVILEGED = 65534;
const START_PATIENCE_MS = 60_000;
const POLL_MS = 100;

interface Node {
  readonly dir: string;
  readonly port: number;
  readonly tlsPort: number;
  readonly ca: string;
  readonly env: NodeJS.ProcessEnv;
  readonly identity: { uid?: number; gid?: number };
}

interface RunningBroker {
  /** Of the Erlang machine; the child is the shell script around it. */
  readonly pid: number;
  readonly exited: Promise<void>;
}

/** No alarm about the memory and the disk of a machine that runs tests, unless a test raises one. */
function configuration(dir: string, tlsPort: number): string {
  return `disk_free_limit.absolute = 10MB
vm_memory_high_watermark.absolute = 1GB
log.console = true
log.console.level = warning
listeners.ssl.1 = 127.0.0.1:${tlsPort}
ssl_options.cacertfile = ${path.join(dir, "ca.pem")}
ssl_options.certfile = ${path.join(dir, "cert.pem")}
ssl_options.keyfile = ${path.join(dir, "key.pem")}
`;
}

async function createNode(): Promise<Node> {
  const identity = process.getuid?.() === 0 ? { uid: UNPRIVILEGED, gid: UNPRIVILEGED } : {};
  const dir = mkdtempSync(path.join(os.tmpdir(), "sotto-test-rabbitmq-"));
  const [port, distPort, epmdPort] = [await findFreePort(), await findFreePort(), await findFreePort()];
  const tlsPort = await findFreePort();
  const { ca, cert, key } = await issueCertificate({ names: ["localhost"], addresses: [] });
  for (const [name, pem] of Object.entries({ ca, cert, key }))
    writeFileSync(path.join(dir, `${name}.pem`), pem);
  mkdirSync(path.join(dir, "home"));
  writeFileSync(path.join(dir, "plugins"), "[].\n");
  writeFileSync(path.join(dir, "environment"), "");
  writeFileSync(path.join(dir, "rabbitmq.conf"), configuration(dir, tlsPort));
  if (identity.uid !== undefined)
    for (const entry of ["", "home"]) chownSync(path.join(dir, entry), UNPRIVILEGED, UNPRIVILEGED);
  const env = {
    PATH: process.env.PATH,
    LC_ALL: "C.UTF-8",
    HOME: path.join(dir, "home"),
    ERL_EPMD_PORT: String(epmdPort),
    ERL_EPMD_ADDRESS: "127.0.0.1",
    RABBITMQ_NODENAME: `sotto-${port}@localhost`,
    RABBITMQ_NODE_IP_ADDRESS: "127.0.0.1",
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(distPort),
    // Idle threads sleep instead of spinning: the processor is shared with the processes under test.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:
      "+sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}",
    RABBITMQ_MNESIA_BASE: path.join(dir, "home", "mnesia"),
    RABBITMQ_LOG_BASE: path.join(dir, "home", "log"),
    RABBITMQ_CONFIG_FILE: path.join(dir, "rabbitmq"),
    RABBITMQ_CONF_ENV_FILE: path.join(dir, "environment"),
    RABBITMQ_ENABLED_PLUGINS_FILE: path.join(dir, "plugins"),
    RABBITMQ_PID_FILE: path.join(dir, "home", "pid"),
  };
  return { dir, port, tlsPort, ca, env, identity };
}

/** Kills `pid` when this process dies, however it dies: the kernel then closes the pipe that the shell reads. */
function guard(pid: number): { dismiss(): void } {
  const script = 'read -r never; kill -9 "$1" 2>/dev/null';
  const child = spawn("/bin/sh", ["-c", script, "guard", String(pid)], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  child.unref();
  (child.stdin as net.Socket | null)?.unref();
  return { dismiss: () => child.kill("SIGKILL") };
}

function waitForExit(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => child.once("close", () => resolve()));
}

/** A broker that answers the AMQP protocol header has finished booting. */
function answersAmqp(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1", () => socket.write("AMQP\0\0\x09\x01", "latin1"));
    const settle = (answered: boolean): void => {
      socket.destroy();
      resolve(answered);
    };
    socket.setTimeout(2000, () => settle(false));
    socket.once("data", () => settle(true));
    socket.once("error", () => settle(false));
    socket.once("close", () => settle(false));
  });
}

async function launch({ port, env, identity, dir }: Node): Promise<RunningBroker> {
  rmSync(env.RABBITMQ_PID_FILE ?? "", { force: true });
  const child = spawn(SERVER, [], { cwd: dir, env, ...identity, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  const listen = (chunk: Buffer): void => {
    said = (said + chunk.toString()).slice(-20_000);
  };
  child.stdout.on("data", listen);
  child.stderr.on("data", listen);
  let hasEnded = false;
  const exited = waitForExit(child).then(() => {
    hasEnded = true;
  });
  const deadline = performance.now() + START_PATIENCE_MS;
  while (!(await answersAmqp(port))) {
    if (hasEnded || performance.now() > deadline) throw new Error(`RabbitMQ did not start:\n${said}`);
    await delay(POLL_MS);
  }
  const pid = Number(readFileSync(env.RABBITMQ_PID_FILE ?? "", "utf8"));
  const watch = guard(pid);
  return { pid, exited: exited.then(watch.dismiss) };
}

/** Erlang's registry of nodes. Started first, because the broker would leave one of its own running behind it. */
async function launchEpmd({ env, identity }: Node): Promise<{ end(): Promise<void> }> {
  const child = spawn("epmd", ["-port", env.ERL_EPMD_PORT ?? "", "-address", "127.0.0.1"], {
    env,
    ...identity,
    stdio: "ignore",
  });
  const exited = waitForExit(child);
  const watch = guard(child.pid ?? 0);
  return {
    end: async () => {
      child.kill("SIGKILL");
      await exited;
      watch.dismiss();
    },
  };
}

async function killBroker(broker: RunningBroker): Promise<void> {
  process.kill(broker.pid, "SIGKILL");
  await broker.exited;
}

async function runCtl({ env, identity, dir }: Node, args: readonly string[]): Promise<string> {
  const program = path.join(path.dirname(SERVER), "rabbitmqctl");
  const { stdout } = await promisify(execFile)(program, args, { cwd: dir, env, ...identity });
  return stdout;
}

/** Starts a broker; about 10 s. Throws when RabbitMQ is not installed, with what to do about it. */
export async function startRabbitmq(): Promise<TestRabbitmq> {
  if (!existsSync(SERVER))
    throw new Error(`RabbitMQ is not at ${SERVER}: install it, or set SOTTO_RABBITMQ_SERVER.`);
  const node = await createNode();
  const epmd = await launchEpmd(node);
  let broker: RunningBroker | undefined;
  const stop = async (): Promise<void> => {
    if (broker !== undefined) await killBroker(broker);
    await epmd.end();
    rmSync(node.dir, { recursive: true, force: true });
  };
  try {
    broker = await launch(node);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: `amqp://guest:guest@127.0.0.1:${node.port}`,
    tlsUrl: `amqps://guest:guest@localhost:${node.tlsPort}`,
    ca: node.ca,
    dir: node.dir,
    ctl: (...args) => runCtl(node, args),
    kill9: async () => {
      if (broker !== undefined) await killBroker(broker);
      broker = undefined;
    },
    restart: async () => {
      broker ??= await launch(node);
    },
    stop,
  };
}
