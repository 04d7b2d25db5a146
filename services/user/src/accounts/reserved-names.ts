/** Names that speak for the installation, or that addresses and tools give a meaning of their own. */
const reserved: ReadonlySet<string> = new Set([
  "abuse",
  "admin",
  "administrator",
  "anonymous",
  "api",
  "bot",
  "contact",
  "everyone",
  "help",
  "hostmaster",
  "info",
  "mail",
  "me",
  "moderator",
  "nobody",
  "noreply",
  "null",
  "official",
  "operator",
  "owner",
  "postmaster",
  "root",
  "security",
  "server",
  "service",
  "sotto",
  "staff",
  "support",
  "sysadmin",
  "system",
  "team",
  "undefined",
  "webmaster",
]);

/** Underscores at the end do not make another name of it. */
export function isReservedName(username: string): boolean {
  return reserved.has(username.replace(/_+$/, ""));
}
