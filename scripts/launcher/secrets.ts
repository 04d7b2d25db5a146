// The secrets of this installation, made once and kept: losing the database passwords locks everybody out,
// another token key signs everybody out.
import { createHash, generateKeyPairSync, randomBytes } from "node:crypto";
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { z } from "zod";

const password = z.string().min(16);

const secretsSchema = z.object({
  version: z.literal(1),
  databasePasswords: z.object({
    user: password,
    chat: password,
    notification: password,
    relay: password,
  }),
  /** Private Ed25519 key (RFC 8037) that signs access tokens. */
  accessTokenKey: z.object({
    kty: z.literal("OKP"),
    crv: z.literal("Ed25519"),
    x: z.string().min(43),
    d: z.string().min(43),
    kid: z.string().min(1),
    alg: z.literal("EdDSA"),
    use: z.literal("sig"),
  }),
});

export type Secrets = z.infer<typeof secretsSchema>;

function newTokenKey(): Secrets["accessTokenKey"] {
  const { x, d } = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
  if (x === undefined || d === undefined)
    throw new Error("this Node made an Ed25519 key without its numbers");
  // RFC 7638: the members that make the public key, in this order.
  const thumbprint = createHash("sha256")
    .update(JSON.stringify({ crv: "Ed25519", kty: "OKP", x }))
    .digest("base64url");
  return { kty: "OKP", crv: "Ed25519", x, d, kid: thumbprint, alg: "EdDSA", use: "sig" };
}

function newSecrets(): Secrets {
  const newPassword = (): string => randomBytes(24).toString("base64url");
  return {
    version: 1,
    databasePasswords: {
      user: newPassword(),
      chat: newPassword(),
      notification: newPassword(),
      relay: newPassword(),
    },
    accessTokenKey: newTokenKey(),
  };
}

function syncFolder(folder: string): void {
  if (process.platform === "win32") return;
  const handle = openSync(folder, "r");
  fsyncSync(handle);
  closeSync(handle);
}

function parse(file: string): Secrets {
  const advice =
    "Put the file back from a backup. To start over without the old data, move the whole data folder away; " +
    "a new secrets file alone would not fit the database beside it.";
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Error(`${file} is no JSON. ${advice}`, { cause: error });
  }
  const parsed = secretsSchema.safeParse(content);
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.map((issue) => issue.path.join(".") || "the whole file").join(", ");
  throw new Error(`${file} is damaged (${fields}). ${advice}`);
}

/** Reads `<dir>/secrets.json`, making it (whole, mode 0600) when there is none. Never repairs one in part. */
export function loadSecrets(dir: string): Secrets {
  const file = path.join(dir, "secrets.json");
  if (!existsSync(file)) {
    const scratch = `${file}.new`;
    writeFileSync(scratch, `${JSON.stringify(newSecrets(), undefined, 2)}\n`, { mode: 0o600, flush: true });
    renameSync(scratch, file);
    syncFolder(dir);
  }
  chmodSync(file, 0o600);
  return parse(file);
}
