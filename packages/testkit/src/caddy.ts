// A private Caddy for tests: the program of the machine with the repository's Caddyfile, on free ports of the loopback.
import { type ChildProcess, spawn } from "node:child_process";
import { chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { findFreePort } from "../../../scripts/embedded/free-port.ts";

export type CaddyOptions = {
  /** host:port of each. */
  readonly chat: readonly string[];
  readonly user: string;
  readonly notification: string;
  /** Networks of proxies in front. */
  readonly trustedProxies?: readonly string[];
  readonly webRoot: string;
};

export interface TestCaddy {
  /** https://localhost:port */
  readonly url: string;
  /** http://localhost:port */
  readonly plainUrl: string;
  /** The certificate of its CA, as PEM. */
  readonly root: string;
  readonly rootFile: string;
  /** Everything it has said, the access log with it. */
  log(): string;
  /** Loads the configuration once more, as an operator does after changing it. */
  reload(): Promise<void>;
  stop(): Promise<void>;
}

const PROGRAM = process.env.SOTTO_CADDY ?? "caddy";
const CADDYFILE = fileURLToPath(new URL("../../../caddy/Caddyfile", import.meta.url));
const UNPRIVILEGED = 65534;
const START_PATIENCE_MS = 20_000;
/** Its grace for open connections is longer; nobody is left to be spared. */
const STOP_PATIENCE_MS = 500;

/** Free ports for the two addresses. Ask for them before the services start that must know their public address. */
export async function caddyPorts(): Promise<{ https: number; http: number }> {
  return { https: await findFreePort(), http: await findFreePort() };
}

function createFolder(identity: { uid?: number }): string {
  const dir = mkdtempSync(path.join(os.tmpdir(), "sotto-test-caddy-"));
  for (const name of ["data", "config"]) mkdirSync(path.join(dir, name));
  if (identity.uid !== undefined)
    for (const name of [".", "data", "config"]) chownSync(path.join(dir, name), UNPRIVILEGED, UNPRIVILEGED);
  return dir;
}

/** Starts Caddy without a right beyond its own folder. */
export async function startCaddy(
  ports: { https: number; http: number },
  options: CaddyOptions,
): Promise<TestCaddy> {
  const identity = process.getuid?.() === 0 ? { uid: UNPRIVILEGED, gid: UNPRIVILEGED } : {};
  const dir = createFolder(identity);
  const admin = `unix/${path.join(dir, "admin.sock")}`;
  const env = {
    PATH: process.env.PATH,
    HOME: dir,
    XDG_DATA_HOME: path.join(dir, "data"),
    XDG_CONFIG_HOME: path.join(dir, "config"),
    SITE_ADDRESS: "localhost",
    HTTPS_PORT: String(ports.https),
    HTTP_PORT: String(ports.http),
    CHAT_UPSTREAMS: `to ${options.chat.join(" ")}`,
    USER_UPSTREAM: options.user,
    NOTIFICATION_UPSTREAM: options.notification,
    STICKY_SECRET: "a secret of this test alone, 32 characters",
    TRUSTED_PROXIES: options.trustedProxies ? `trusted_proxies ${options.trustedProxies.join(" ")}` : "",
    WEB_ROOT: options.webRoot,
    ADMIN: admin,
  };
  let said = "";
  const run = (args: readonly string[]): ChildProcess => {
    const child = spawn(PROGRAM, args, { cwd: dir, env, ...identity, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (chunk: Buffer) => {
        said += chunk.toString();
      });
    return child;
  };
  const server = run(["run", "--config", CADDYFILE, "--adapter", "caddyfile"]);
  const rootFile = path.join(dir, "data/caddy/pki/authorities/local/root.crt");
  const deadline = performance.now() + START_PATIENCE_MS;
  // Said last: everything listens, and the certificate of localhost is there.
  while (!/certificate obtained successfully/.test(said)) {
    if (server.exitCode !== null || performance.now() > deadline)
      throw new Error(`Caddy did not start:\n${said}`);
    await delay(50);
  }
  return {
    url: `https://localhost:${ports.https}`,
    plainUrl: `http://localhost:${ports.http}`,
    root: readFileSync(rootFile, "utf8"),
    rootFile,
    log: () => said,
    reload: async () => {
      const child = run([
        "reload",
        "--config",
        CADDYFILE,
        "--adapter",
        "caddyfile",
        "--address",
        admin,
        "--force",
      ]);
      if ((await ended(child)) !== 0) throw new Error(`Caddy took no new configuration:\n${said}`);
    },
    stop: async () => {
      server.kill("SIGTERM");
      const impatient = setTimeout(() => server.kill("SIGKILL"), STOP_PATIENCE_MS);
      await ended(server);
      clearTimeout(impatient);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => child.once("close", resolve));
}
