// Runs a script, or a local binary (`--bin name`), on a Node that is new enough:
// the current one when it is, else the one that npm installed as a platform package.
// Plain JavaScript on purpose: it must parse and run on Node 20.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const MINIMUM = [22, 18];

function isNewEnough(version) {
  const [major, minor] = version.split(".").map(Number);
  return major > MINIMUM[0] || (major === MINIMUM[0] && minor >= MINIMUM[1]);
}

function pickNode() {
  if (isNewEnough(process.versions.node)) return process.execPath;
  const platform = process.platform === "win32" ? "win" : process.platform;
  const file = platform === "win" ? "node.exe" : "node";
  const bundled = path.join(root, "node_modules", `node-${platform}-${process.arch}`, "bin", file);
  if (existsSync(bundled) && spawnSync(bundled, ["--version"]).status === 0) return bundled;
  console.error(
    `Sotto needs Node ${MINIMUM.join(".")} or newer. This is ${process.version}, and no bundled Node runs on ` +
      `${process.platform}-${process.arch}. Install a newer Node, or run "npm ci" again without --omit=optional.`,
  );
  process.exit(1);
}

/** The parent of another process; undefined when that cannot be told. */
function parentOf(pid) {
  if (process.platform === "win32") return undefined;
  if (process.platform !== "linux")
    return spawnSync("ps", ["-o", "ppid=", "-p", pid], { encoding: "utf8" }).stdout.trim();
  try {
    return /^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  } catch {
    return undefined; // It has ended: then we have a new parent ourselves.
  }
}

function binPath(name) {
  const packages = {
    tsc: "typescript",
    vitest: "vitest",
    biome: "@biomejs/biome",
    "kysely-codegen": "kysely-codegen",
  };
  const folder = path.join(root, "node_modules", packages[name] ?? name);
  const { bin } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"));
  return path.join(folder, typeof bin === "string" ? bin : bin[name]);
}

let args = process.argv.slice(2);
if (args[0] === "--bin") args = [binPath(args[1]), ...args.slice(2)];

const node = pickNode();
const child = spawn(node, args, {
  stdio: "inherit",
  env: {
    ...process.env,
    // So that a script can notice that npm, its grandparent, is gone (see below).
    PATH: path.dirname(node) + path.delimiter + (process.env.PATH ?? ""),
  },
});
// Ctrl-C in a terminal reaches the whole process group by itself; this process only has to outlive the child.
process.on("SIGINT", () => process.stdin.isTTY || child.kill("SIGINT"));
for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
// npm ends on SIGTERM without telling its script: being given a new parent is the only sign of it. Where npm puts a
// shell in between, that shell outlives a killed npm, and it is the shell that is given a new parent.
const parent = process.ppid;
const grandparent = process.env.npm_lifecycle_event ? parentOf(parent) : undefined;
const isAbandoned = () => process.ppid !== parent || (grandparent && parentOf(parent) !== grandparent);
setInterval(() => isAbandoned() && child.kill("SIGTERM"), process.platform === "linux" ? 300 : 2000).unref();
child.on("error", (error) => {
  console.error(`Could not start ${node}: ${error.message}`);
  process.exit(1);
});
child.on("exit", (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
