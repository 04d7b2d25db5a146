import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { vapidPrivateKey } from "../../services/notification/src/push/vapid-keys.ts";
import { loadSecrets } from "./secrets.ts";

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), "sotto-secrets-"));
  file = path.join(folder, "secrets.json");
});

afterEach(() => rmSync(folder, { recursive: true }));

it("are made once and stay the same", () => {
  const first = loadSecrets(folder);
  expect(loadSecrets(folder)).toEqual(first);
  expect(new Set(Object.values(first.databasePasswords)).size).toBe(4);
  expect(readdirSync(folder)).toEqual(["secrets.json"]);
});

it("are readable by their owner alone, also when somebody loosened that", () => {
  loadSecrets(folder);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  chmodSync(file, 0o644);
  loadSecrets(folder);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

it.each([
  ["no JSON", "{ half", "is no JSON"],
  ["empty", "", "is no JSON"],
  ["without a password", JSON.stringify({ version: 3 }), "is damaged (databasePasswords, accountSecret"],
  ["of another version", JSON.stringify({ version: 4 }), "is damaged (version"],
])("are never repaired in part: a file that is %s stays, and is named", (_name, content, message) => {
  writeFileSync(file, content);
  expect(() => loadSecrets(folder)).toThrow(message);
  expect(() => loadSecrets(folder)).toThrow("Put the file back from a backup.");
  expect(readFileSync(file, "utf8")).toBe(content);
});

it("keep what they are when a file of the first version gets what it lacks, and loses its token key", () => {
  const { accountSecret, notificationKey, vapidPrivateKey: pushKey, ...first } = loadSecrets(folder);
  const accessTokenKey = { kty: "OKP", crv: "Ed25519", x: "x".repeat(43), d: "d".repeat(43), kid: "k" };
  writeFileSync(file, JSON.stringify({ ...first, accessTokenKey, version: 1 }));
  const upgraded = loadSecrets(folder);
  expect(upgraded).toEqual({
    ...first,
    version: 3,
    accountSecret: expect.any(String),
    notificationKey: expect.any(Object),
    vapidPrivateKey: expect.any(String),
  });
  expect(readFileSync(file, "utf8")).not.toContain("accessTokenKey");
  expect(upgraded.accountSecret).not.toBe(accountSecret);
  expect(upgraded.vapidPrivateKey).not.toBe(pushKey);
  expect(loadSecrets(folder)).toEqual(upgraded);
  expect(upgraded.notificationKey.kid).not.toBe(notificationKey.kid);
});

it("keep what they are when a file of the second version gets a key to sign pushes with", () => {
  const { vapidPrivateKey: pushKey, ...second } = loadSecrets(folder);
  writeFileSync(file, JSON.stringify({ ...second, version: 2 }));
  const upgraded = loadSecrets(folder);
  expect(upgraded).toEqual({ ...second, version: 3, vapidPrivateKey: expect.any(String) });
  expect(upgraded.vapidPrivateKey).not.toBe(pushKey);
  expect(loadSecrets(folder)).toEqual(upgraded);
});

it("hold a key for pushes that the notification service takes", () => {
  for (let turn = 0; turn < 20; turn += 1) {
    expect(vapidPrivateKey.safeParse(loadSecrets(folder).vapidPrivateKey).success).toBe(true);
    rmSync(file);
  }
});

it("are not half written when the process dies in between", () => {
  writeFileSync(`${file}.new`, '{"version":1,"databa');
  expect(loadSecrets(folder).version).toBe(3);
  expect(existsSync(`${file}.new`)).toBe(false);
});
