import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openTokenFile } from "./token-file.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), "sotto-admin-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const token = {
  ...{ url: "https://a.example.org", username: "olga", accessToken: "t" },
  expiresAt: "2026-03-01T12:10:00.000Z",
};
const now = new Date("2026-03-01T12:00:00Z");
const open = () => openTokenFile({ XDG_CONFIG_HOME: folder });

test("a token is for its owner's eyes, its installation and its account, and ends with its time", () => {
  open().write(token);
  open().write(token);
  const file = path.join(folder, "sotto", "admin-token.json");
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(path.dirname(file)).mode & 0o777).toBe(0o700);
  expect(readdirSync(path.dirname(file))).toEqual(["admin-token.json"]);
  const { url } = token;
  expect(open().read({ url, username: undefined, now })).toEqual(token);
  expect(open().read({ url, username: "olga", now })).toEqual(token);
  expect(open().read({ url, username: "oscar", now })).toBeUndefined();
  expect(open().read({ url: "https://b.example.org", username: "olga", now })).toBeUndefined();
  const later = new Date(token.expiresAt);
  expect(open().read({ url, username: "olga", now: later })).toBeUndefined();
  open().remove();
  expect(open().read({ url, username: "olga", now })).toBeUndefined();
});

test("a file that is none of ours counts as none", () => {
  open().write(token);
  for (const content of ["", "{", "{}", '{"url":1}']) {
    writeFileSync(path.join(folder, "sotto", "admin-token.json"), content);
    expect(open().read({ url: token.url, username: undefined, now })).toBeUndefined();
  }
});
