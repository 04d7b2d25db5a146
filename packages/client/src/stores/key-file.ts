import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { SottoError } from "../sotto-error.ts";
import { AT_REST_KEY_BYTES } from "./at-rest-cipher.ts";

/** Reads the key that encrypts a store, or undefined when there is no such file. */
export function readKeyFile(path: string): Uint8Array | undefined {
  let key: Buffer;
  try {
    key = readFileSync(path);
  } catch (cause) {
    if (isErrno(cause, "ENOENT")) return undefined;
    throw new SottoError("store_unavailable", `Cannot read the key file ${path}`, { cause });
  }
  if (key.length !== AT_REST_KEY_BYTES) {
    throw new SottoError("store_key_wrong", `The key file ${path} is not ${AT_REST_KEY_BYTES} bytes long`);
  }
  return new Uint8Array(key);
}

/**
 * Makes the key file, whole or not at all: written and synced under another name, then linked into place, so that a
 * crash leaves no half of a key and an existing key is never replaced.
 */
export function makeKeyFile(path: string): Uint8Array {
  const draft = `${path}.${randomBytes(6).toString("hex")}.new`;
  const key = randomBytes(AT_REST_KEY_BYTES);
  const file = openSync(draft, "wx", 0o600);
  try {
    writeSync(file, key);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  try {
    linkSync(draft, path);
  } finally {
    rmSync(draft);
  }
  syncDirectory(dirname(path));
  return new Uint8Array(key);
}

/** A new name in a directory is durable only when the directory has been synced. */
function syncDirectory(path: string): void {
  if (process.platform === "win32") return;
  const directory = openSync(path, "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

export function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
