// The secrets of this installation, made once and kept: losing the database passwords locks everybody out,
// and with another account secret authenticator apps and signing keys are lost.
import { createECDH, createHash, generateKeyPairSync, randomBytes } from "node:crypto";
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

const firstVersion = z.object({
  version: z.literal(1),
  databasePasswords: z.object({
    user: password,
    chat: password,
    notification: password,
    relay: password,
  }),
});

const secondVersion = firstVersion.extend({
  version: z.literal(2),
  /** 32 bytes that seal what the user service keeps in the database. */
  accountSecret: z.base64url().length(43),
  /** Private X25519 key (RFC 8037) to which the links in mails are encrypted on their way. */
  notificationKey: z.object({
    kty: z.literal("OKP"),
    crv: z.literal("X25519"),
    x: z.string().min(43),
    d: z.string().min(43),
    kid: z.string().min(1),
  }),
});

const secretsSchema = secondVersion.extend({
  version: z.literal(3),
  /** Private key on P-256 by which pushes are signed (RFC 8292). */
  vapidPrivateKey: z.base64url().length(43),
});

export type Secrets = z.infer<typeof secretsSchema>;
type Second = z.infer<typeof secondVersion>;

function newNotificationKey(): Second["notificationKey"] {
  const { x, d } = generateKeyPairSync("x25519").privateKey.export({ format: "jwk" });
  if (x === undefined || d === undefined) throw new Error("this Node made an X25519 key without its numbers");
  // RFC 7638: the members that make the public key, in this order.
  const kid = createHash("sha256")
    .update(JSON.stringify({ crv: "X25519", kty: "OKP", x }))
    .digest("base64url");
  return { kty: "OKP", crv: "X25519", x, d, kid };
}

/** What the first version of the file did not hold. */
function newSecondSecrets(): Pick<Second, "accountSecret" | "notificationKey"> {
  return {
    accountSecret: randomBytes(32).toString("base64url"),
    notificationKey: newNotificationKey(),
  };
}

/** What the second version of the file did not hold. */
function newThirdSecrets(): Pick<Secrets, "vapidPrivateKey"> {
  const pair = createECDH("prime256v1");
  pair.generateKeys();
  // A key that begins with zeros comes without them.
  const bytes = Buffer.concat([Buffer.alloc(32), pair.getPrivateKey()]).subarray(-32);
  return { vapidPrivateKey: bytes.toString("base64url") };
}

function newSecrets(): Secrets {
  const newPassword = (): string => randomBytes(24).toString("base64url");
  return {
    version: 3,
    databasePasswords: {
      user: newPassword(),
      chat: newPassword(),
      notification: newPassword(),
      relay: newPassword(),
    },
    ...newSecondSecrets(),
    ...newThirdSecrets(),
  };
}

function syncFolder(folder: string): void {
  if (process.platform === "win32") return;
  const handle = openSync(folder, "r");
  fsyncSync(handle);
  closeSync(handle);
}

function parse(file: string): z.infer<typeof firstVersion> | Second | Secrets {
  const advice =
    "Put the file back from a backup. To start over without the old data, move the whole data folder away; " +
    "a new secrets file alone would not fit the database beside it.";
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Error(`${file} is no JSON. ${advice}`, { cause: error });
  }
  for (const version of [firstVersion, secondVersion]) {
    const earlier = version.safeParse(content);
    if (earlier.success) return earlier.data;
  }
  const parsed = secretsSchema.safeParse(content);
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.map((issue) => issue.path.join(".") || "the whole file").join(", ");
  throw new Error(`${file} is damaged (${fields}). ${advice}`);
}

function write(file: string, secrets: Secrets): Secrets {
  const scratch = `${file}.new`;
  writeFileSync(scratch, `${JSON.stringify(secrets, undefined, 2)}\n`, { mode: 0o600, flush: true });
  renameSync(scratch, file);
  syncFolder(path.dirname(file));
  return secrets;
}

/**
 * Reads `<dir>/secrets.json`, making it (whole, mode 0600) when there is none. Never repairs one in part; a whole one
 * of an earlier version gets what that version did not have, and loses what is no longer a secret of this file: the first
 * version held a key that signed access tokens.
 */
export function loadSecrets(dir: string): Secrets {
  const file = path.join(dir, "secrets.json");
  if (!existsSync(file)) write(file, newSecrets());
  chmodSync(file, 0o600);
  const found = parse(file);
  if (found.version === 3) return found;
  const second = found.version === 1 ? { ...found, ...newSecondSecrets() } : found;
  return write(file, { ...second, ...newThirdSecrets(), version: 3 });
}
