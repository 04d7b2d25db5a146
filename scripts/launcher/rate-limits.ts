// The setting RATE_LIMITS of `npm start` is one for the whole installation; each service takes its own limits only.
import { chatLimits, nodeLimits } from "../../services/chat/src/limits.ts";
import { notificationLimits } from "../../services/notification/src/limits.ts";
import { userLimits } from "../../services/user/src/limits.ts";

const KNOWN = {
  user: new Set(Object.keys(userLimits)),
  chat: new Set(Object.keys({ ...chatLimits, ...nodeLimits })),
  notification: new Set(Object.keys(notificationLimits)),
} as const;

export type LimitedService = keyof typeof KNOWN;

/** Goes to every service. */
const ALL = "*";

/**
 * The part of `text`, a JSON object from names of limits to changes, that is for `service`; the services judge the
 * changes themselves. @throws Error for what is no object, and for a name that no service knows.
 */
export function limitsFor(service: LimitedService, text: string): string {
  const changes = parse(text);
  const names = Object.keys(changes);
  const unknown = names.filter(
    (name) => name !== ALL && !Object.values(KNOWN).some((known) => known.has(name)),
  );
  if (unknown.length > 0)
    throw new Error(`RATE_LIMITS names limits that do not exist: ${unknown.join(", ")}.`);
  const own = names.filter((name) => name === ALL || KNOWN[service].has(name));
  return JSON.stringify(Object.fromEntries(own.map((name) => [name, changes[name]])));
}

function parse(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error("RATE_LIMITS must be JSON.", { cause: error });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw new Error("RATE_LIMITS must be a JSON object from names of limits to changes.");
}
