import { type Algorithm, type Options, parseOptions } from "@node-rs/argon2";
import type { WorkQueue } from "./work-queue.ts";

/** Both run off the event loop. */
export type Argon2 = {
  hash(password: string, parameters: Options): Promise<string>;
  verify(phc: string, password: string): Promise<boolean>;
};
export type PasswordHasher = ReturnType<typeof createPasswordHasher>;

/** RFC 9106 argon2id with the least memory that OWASP's password storage sheet names: 19 MiB, 2 passes, 1 lane. */
const parameters = {
  algorithm: 2 as Algorithm.Argon2id,
  memoryCost: 19_456,
  timeCost: 2,
  parallelism: 1,
  outputLen: 32,
} as const;

/** A hash that no password is known for: verifying against it costs what a real one costs. */
const DUMMY_HASH = `$argon2id$v=19$m=${parameters.memoryCost},t=${parameters.timeCost},p=${parameters.parallelism}$${unpadded(16)}$${unpadded(parameters.outputLen)}`;

/** Hashes and verifies passwords in `queue`. Every call may throw AppError `overloaded`. */
export function createPasswordHasher({ argon2, queue }: { argon2: Argon2; queue: WorkQueue }) {
  return {
    /** PHC string with a fresh salt. */
    hash: (password: string): Promise<string> =>
      queue.run(() => argon2.hash(normalized(password), parameters)),

    /** False, after the same work, when there is no hash because there is no such account. */
    async verify(phc: string | undefined, password: string): Promise<boolean> {
      const matches = await queue.run(() => argon2.verify(phc ?? DUMMY_HASH, normalized(password)));
      return matches && phc !== undefined;
    },

    /** True when `phc` was made by other parameters than today's. */
    isOutdated(phc: string): boolean {
      const used = parseOptions(phc);
      return (
        used.algorithm !== parameters.algorithm ||
        used.memoryCost !== parameters.memoryCost ||
        used.timeCost !== parameters.timeCost ||
        used.parallelism !== parameters.parallelism ||
        used.outputLen !== parameters.outputLen
      );
    },
  };
}

/** Keyboards differ in how they compose accents; the password is the same (RFC 8265 section 4.2, OpaqueString). */
function normalized(password: string): string {
  return password.normalize("NFC");
}

/** Base64 without padding of that many zero bytes. */
function unpadded(bytes: number): string {
  return Buffer.alloc(bytes).toString("base64").replaceAll("=", "");
}
