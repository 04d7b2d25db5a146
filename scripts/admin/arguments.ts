import { parseArgs } from "node:util";
import { operatorRole } from "@sotto/contracts/operator-api";
import { accountState, username } from "@sotto/contracts/user-api";
import { z } from "zod";

/** A command line that cannot be carried out; the message says what is wrong with it. */
export class UsageError extends Error {}

const limit = z.coerce.number().int().min(1).max(100).default(50);
const reason = z.string().trim().min(1).max(500);
const noReason = reason.default("no reason given");

/** Of each command: its arguments in their order, its options, and a line for the help. */
export const commands = {
  list: {
    arguments: [],
    options: {
      prefix: z.string().optional(),
      state: accountState.optional(),
      after: z.string().optional(),
      limit,
    },
    help: "accounts in the order of their names",
  },
  show: { arguments: ["username"], options: {}, help: "one account" },
  audit: {
    arguments: ["username"],
    options: { after: z.string().optional(), limit },
    help: "the audit log of an account, newest first",
  },
  suspend: {
    arguments: ["username"],
    options: { reason },
    help: "end all sessions, and let it sign in no more; --reason is needed",
  },
  restore: {
    arguments: ["username"],
    options: { reason: noReason },
    help: "let a suspended account sign in again",
  },
  "revoke-sessions": {
    arguments: ["username"],
    options: { reason: noReason },
    help: "end all sessions of an account",
  },
  "reset-second-factor": {
    arguments: ["username"],
    options: { reason: noReason },
    help: "take authenticator app, recovery codes and passkeys away",
  },
  role: {
    arguments: ["username", "role|none"],
    options: { reason: noReason },
    help: "make an account an operator, or no longer one",
  },
  "rotate-keys": {
    arguments: [],
    options: { revoke: z.boolean().default(false), reason: noReason },
    help: "make the next signing key; --revoke refuses the former ones at once",
  },
  grant: {
    arguments: ["username", "role"],
    options: {},
    help: "give a role by the database, as for the first administrator",
  },
  "sign-out": { arguments: [], options: {}, help: "end the session of this program" },
} as const;

export type CommandName = keyof typeof commands;
type Options<N extends CommandName> = {
  [K in keyof (typeof commands)[N]["options"]]: (typeof commands)[N]["options"][K] extends z.ZodType
    ? z.infer<(typeof commands)[N]["options"][K]>
    : never;
};
type Argument = { username: string; role: z.infer<typeof operatorRole> | null };
export type Command = {
  [N in CommandName]: { readonly name: N } & Readonly<Options<N>> & Readonly<Argument>;
}[CommandName];

export type Invocation = {
  readonly command: Command;
  readonly url: string;
  /** Whose account is used; asked for when absent. */
  readonly as: string | undefined;
  readonly json: boolean;
};

const DEFAULT_URL = "http://localhost:8080";

/** Reads a command line; `help` when that is what is asked for. @throws UsageError. */
export function readArguments(argv: readonly string[]): Invocation | "help" {
  const { values, positionals } = parse(argv);
  const [name, ...given] = positionals;
  if (values.help || name === "help") return "help";
  if (name === undefined) throw new UsageError("Which command? See --help.");
  if (!isCommand(name)) throw new UsageError(`There is no command "${name}". See --help.`);
  const { arguments: wanted, options } = commands[name];
  if (given.length !== wanted.length) {
    throw new UsageError(`Usage: npm run admin -- ${[name, ...wanted.map((each) => `<${each}>`)].join(" ")}`);
  }
  const { url = DEFAULT_URL, as, json = false, help: _, ...others } = values;
  const foreign = Object.keys(others).find((option) => !(option in options));
  if (foreign) throw new UsageError(`"${name}" has no option --${foreign}.`);
  const parsed = z.strictObject(options).safeParse(others);
  if (!parsed.success) throw new UsageError(describe(parsed.error));
  const command = { name, ...parsed.data, ...readGiven(name, given) } as Command;
  return { command, url: readUrl(url), as, json };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        ...{ url: { type: "string" }, as: { type: "string" } },
        ...{ json: { type: "boolean" }, help: { type: "boolean", short: "h" } },
        ...{ prefix: { type: "string" }, state: { type: "string" }, after: { type: "string" } },
        ...{ limit: { type: "string" }, reason: { type: "string" }, revoke: { type: "boolean" } },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function isCommand(name: string): name is CommandName {
  return Object.hasOwn(commands, name);
}

function readGiven(command: CommandName, [first, second]: readonly string[]): Argument {
  const name = username.safeParse(first);
  if (first !== undefined && !name.success) throw new UsageError(`"${first}" is no username.`);
  const takesRole = command === "role" || command === "grant";
  if (!takesRole) return { username: name.data ?? "", role: null };
  if (second === "none" && command === "role") return { username: name.data ?? "", role: null };
  const role = operatorRole.safeParse(second);
  if (!role.success) {
    const none = command === "role" ? ", or none" : "";
    throw new UsageError(`"${second}" is no role: auditor, moderator, administrator${none}.`);
  }
  return { username: name.data ?? "", role: role.data };
}

/** A password goes over it: only to this machine without encryption. @throws UsageError. */
function readUrl(text: string): string {
  const url = URL.parse(text);
  if (!url || !["http:", "https:"].includes(url.protocol)) throw new UsageError(`"${text}" is no URL.`);
  const isLocal = ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
  if (url.protocol === "http:" && !isLocal) {
    throw new UsageError(`${url.origin} is not encrypted, and your password would go over it. Use https.`);
  }
  return url.origin;
}

function describe(error: z.ZodError): string {
  return error.issues
    .map(({ path, code, message }) =>
      code === "invalid_type" && path.length > 0
        ? `--${String(path[0])} is missing.`
        : `--${path.join(".")}: ${message}.`,
    )
    .join("\n");
}

/** What `--help` prints. */
export function helpText(): string {
  const lines = Object.entries(commands).map(([name, { arguments: wanted, help }]) => {
    const usage = [name, ...wanted.map((each) => `<${each}>`)].join(" ");
    return `  ${usage.padEnd(34)}${help}`;
  });
  return `Looks after the accounts of a Sotto installation, with an operator's own account.

  npm run admin -- <command>

${lines.join("\n")}

  --url <url>          the installation (${DEFAULT_URL})
  --as <username>      the operator's own account; asked for when absent
  --json               the answer as JSON
  --reason <text>      why; stands in the audit log
  --prefix, --state, --after, --limit   which accounts or entries

The password is asked for, or read from the standard input, and not kept; a token is, for ten minutes.
"grant" works on the database alone: DATABASE_URL, or the data folder of "npm start" (SOTTO_DATA_DIR).
Exit code: 0 done, 1 refused or failed, 2 the command line is wrong.`;
}
