// Programs that the tests need beside Node: found, installed where we may, or named in one message.
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { REPOSITORY } from "./step.ts";
import { testFiles } from "./vitest-step.ts";

interface Tool {
  readonly name: string;
  /** Names the program where it is somewhere unusual. */
  readonly variable: string;
  readonly candidates: readonly string[];
  readonly debianPackage: string;
  isNeeded(): boolean;
}

function hasTestkit(file: string): boolean {
  return existsSync(path.join(REPOSITORY, "packages/testkit/src", file));
}

const TOOLS: readonly Tool[] = [
  {
    name: "RabbitMQ",
    variable: "SOTTO_RABBITMQ_SERVER",
    candidates: ["/usr/lib/rabbitmq/bin/rabbitmq-server", "rabbitmq-server"],
    debianPackage: "rabbitmq-server",
    isNeeded: () => hasTestkit("rabbitmq.ts"),
  },
  {
    name: "Caddy",
    variable: "SOTTO_CADDY",
    candidates: ["caddy"],
    debianPackage: "caddy",
    isNeeded: () => hasTestkit("caddy.ts"),
  },
  {
    name: "Chromium",
    variable: "SOTTO_CHROMIUM",
    candidates: ["chromium", "chromium-browser", "google-chrome"],
    debianPackage: "chromium",
    isNeeded: () => testFiles("browser").length > 0,
  },
  {
    name: "curl",
    variable: "SOTTO_CURL",
    candidates: ["curl"],
    debianPackage: "curl",
    isNeeded: () => existsSync(path.join(REPOSITORY, "tests/rest-guide.e2e.test.ts")),
  },
];

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "EACCES" || code === "ENOTDIR") return false;
    throw error;
  }
}

/** The full path of a program, as a shell would find it. Debian keeps servers where a user's PATH does not look. */
function findProgram(candidate: string): string | undefined {
  if (candidate.includes("/")) return isExecutable(candidate) ? candidate : undefined;
  const folders = [...(process.env.PATH ?? "").split(path.delimiter), "/usr/sbin", "/usr/local/sbin"];
  return folders.map((folder) => path.join(folder, candidate)).find(isExecutable);
}

function findTool({ variable, candidates }: Tool): string | undefined {
  const named = process.env[variable];
  if (named) return findProgram(named);
  for (const candidate of candidates) {
    const found = findProgram(candidate);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Debian starts a server as soon as it is installed, unless this file says no. */
const POLICY = "/usr/sbin/policy-rc.d";

function installDebianPackages(packages: readonly string[]): boolean {
  const hasOwnPolicy = existsSync(POLICY);
  if (!hasOwnPolicy) writeFileSync(POLICY, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const apt = (...args: string[]): boolean =>
    spawnSync("apt-get", args, { env, stdio: "inherit" }).status === 0;
  try {
    return apt("update") && apt("install", "--yes", "--no-install-recommends", ...packages);
  } finally {
    if (!hasOwnPolicy) rmSync(POLICY);
  }
}

function mayInstall(): boolean {
  return (
    process.getuid?.() === 0 && existsSync("/etc/debian_version") && findProgram("apt-get") !== undefined
  );
}

/**
 * The environment variables that tell the tests where their programs are. Throws one message naming everything
 * that is missing. As root on Debian it installs what is missing instead.
 */
export function provideTools(): Record<string, string> {
  const needed = TOOLS.filter((tool) => tool.isNeeded());
  const missing = (): Tool[] => needed.filter((tool) => findTool(tool) === undefined);
  const toInstall = missing().filter((tool) => !process.env[tool.variable]);
  if (toInstall.length > 0 && mayInstall()) {
    console.log(
      `Installing ${toInstall.map((tool) => tool.name).join(", ")} with apt-get; no service is started.`,
    );
    installDebianPackages(toInstall.map((tool) => tool.debianPackage));
  }
  const absent = missing();
  if (absent.length > 0)
    throw new Error(
      `The tests need ${absent.map(({ name }) => name).join(", ")}. Install it (on Debian and Ubuntu: ` +
        `apt-get install ${absent.map((tool) => tool.debianPackage).join(" ")}), or name the program by ` +
        `${absent.map((tool) => tool.variable).join(", ")}.`,
    );
  return Object.fromEntries(needed.map((tool) => [tool.variable, findTool(tool) ?? ""]));
}
