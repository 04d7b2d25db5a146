/** What an attacker who knows an account tries first: for `StrengthJudge`. */
export function passwordWords(person: {
  username: string;
  email: string;
  displayName?: string | null | undefined;
}): string[] {
  const [localPart = "", domain = ""] = person.email.toLowerCase().split("@");
  const names = [person.username, localPart, domain, person.displayName?.toLowerCase() ?? "", "sotto"];
  // The parts too: "alice.smith" makes "smith" a guess, and "example.org" makes "example" one.
  const parts = names.flatMap((name) => [name, ...name.split(/[\s._+-]+/)]);
  return [...new Set(parts)].filter((word) => word.length > 2);
}
