import { expect, test } from "vitest";
import { commands, helpText, readArguments, UsageError } from "./arguments.ts";

const read = (line: string) => readArguments(line.split(" ").filter(Boolean));
const refused = (line: string) => {
  try {
    read(line);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  return "accepted";
};

test("a command is read with its arguments, its options and their defaults", () => {
  expect(read("list")).toEqual({
    command: { name: "list", limit: 50, username: "", role: null },
    ...{ url: "http://localhost:8080", as: undefined, json: false },
  });
  expect(read("suspend Alice --reason Spam --json --as olga --url https://chat.example.org/x")).toEqual({
    command: { name: "suspend", username: "alice", role: null, reason: "Spam" },
    ...{ url: "https://chat.example.org", as: "olga", json: true },
  });
  expect(read("role alice moderator")).toMatchObject({ command: { role: "moderator" } });
  expect(read("role alice none")).toMatchObject({ command: { role: null } });
  expect(read("rotate-keys --revoke")).toMatchObject({ command: { revoke: true } });
});

test.each([
  ["", "Which command?"],
  ["toString", "no command"],
  ["__proto__", "no command"],
  ["show", "Usage: npm run admin -- show <username>"],
  ["show alice bob", "Usage:"],
  ["show al!ce", "is no username"],
  ["suspend alice", "--reason is missing"],
  ["role alice king", "is no role"],
  ["grant alice none", "is no role"],
  ["list --state gone", "--state"],
  ["list --limit 0", "--limit"],
  ["list --revoke", "no option --revoke"],
  ["list --frob", "--frob"],
  ["list --url ftp://localhost", "is no URL"],
  ["list --url http://chat.example.org", "not encrypted"],
])('"%s" is refused, and says why', (line, message) => {
  expect(refused(line)).toContain(message);
});

test("the help names every command", () => {
  expect(read("--help")).toBe("help");
  expect(read("help")).toBe("help");
  for (const name of Object.keys(commands)) expect(helpText()).toContain(`\n  ${name}`);
});
