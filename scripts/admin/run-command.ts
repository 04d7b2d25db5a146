import type { Command, Invocation } from "./arguments.ts";
import { describeAccount, describeAccounts, describeAudit } from "./describe.ts";
import { grantByDatabase } from "./grant.ts";
import { type ClientDeps, createOperatorClient, type OperatorClient } from "./operator-client.ts";

export type Outcome = {
  /** The answer, for `--json`. */
  readonly answer: unknown;
  /** The same for people. */
  readonly text: string;
};

/** Carries a command out. @throws Error whose message is for the operator. */
export async function runCommand(
  { command, url, as }: Invocation,
  deps: ClientDeps & { env: NodeJS.ProcessEnv; root: string },
): Promise<Outcome> {
  if (command.name === "grant") return grant(command, deps);
  return askInstallation(command, createOperatorClient({ url, as }, deps));
}

async function grant(
  { username, role }: Extract<Command, { name: "grant" }>,
  deps: { env: NodeJS.ProcessEnv; root: string },
): Promise<Outcome> {
  if (role === null) throw new Error("A role is needed.");
  const former = await grantByDatabase({ username, role }, deps);
  const answer = { username, role, former };
  return {
    answer,
    text: former === role ? `${username} is ${role} already.` : `${username} is now ${role}.`,
  };
}

async function askInstallation(
  command: Exclude<Command, { name: "grant" }>,
  client: OperatorClient,
): Promise<Outcome> {
  switch (command.name) {
    case "list":
      return list(command, client);
    case "show": {
      const account = await client.find(command.username);
      return { answer: account, text: describeAccount(account) };
    }
    case "audit":
      return audit(command, client);
    case "rotate-keys": {
      const { reason, revoke } = command;
      const answer = await client.rotateKeys({ reason, revoke });
      return { answer, text: describeRotation(answer.kid, revoke) };
    }
    case "sign-out": {
      const wasSignedIn = await client.signOut();
      return { answer: { wasSignedIn }, text: wasSignedIn ? "Signed out." : "There was no session." };
    }
    default:
      return change(command, client);
  }
}

async function list(
  { prefix, state, after, limit }: Extract<Command, { name: "list" }>,
  client: OperatorClient,
): Promise<Outcome> {
  const answer = await client.list({ prefix, state, after, limit });
  return { answer, text: withMore(describeAccounts(answer.accounts), answer.next) };
}

async function audit(
  { username, after, limit }: Extract<Command, { name: "audit" }>,
  client: OperatorClient,
): Promise<Outcome> {
  const answer = await client.audit(username, { after, limit });
  return { answer, text: withMore(describeAudit(answer.entries), answer.next) };
}

function withMore(table: string, next: string | null): string {
  return next === null ? table : `${table}\n(more: --after ${next})`;
}

type Change = Extract<
  Command,
  { name: "suspend" | "restore" | "revoke-sessions" | "reset-second-factor" | "role" }
>;

async function change(command: Change, client: OperatorClient): Promise<Outcome> {
  const { name, username, reason } = command;
  if (name === "revoke-sessions") {
    const answer = await client.revokeSessions(username, { reason });
    return { answer, text: `${username}: ${answer.revoked} sessions have ended.` };
  }
  const account = await client.change(
    username,
    name,
    name === "role" ? { role: command.role, reason } : { reason },
  );
  return { answer: account, text: describeAccount(account) };
}

function describeRotation(kid: string, revoke: boolean): string {
  return revoke
    ? `The key ${kid} signs from now on. Former tokens are refused; clients get new ones by themselves.`
    : `The key ${kid} signs in ten minutes. The former keys are accepted until their last tokens have expired.`;
}
