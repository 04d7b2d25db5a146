/** Crockford's base 32 without lower case: none of the letters I, L, O and U. */
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/** Of 5 bits each: 50 bits, which no limited guessing finds. */
export const RECOVERY_CODE_CHARACTERS = 10;
const GROUP = RECOVERY_CODE_CHARACTERS / 2;

/** A code as it is shown, in two groups; of each of the `RECOVERY_CODE_CHARACTERS` random bytes five bits are used. */
export function formatRecoveryCode(random: Uint8Array): string {
  const characters = [...random.subarray(0, RECOVERY_CODE_CHARACTERS)].map((byte) => ALPHABET[byte & 31]);
  return `${characters.slice(0, GROUP).join("")}-${characters.slice(GROUP).join("")}`;
}

/** The ten characters of a code as somebody may type it; undefined when it cannot be one. */
export function readRecoveryCode(text: string): string | undefined {
  const code = text.replaceAll(/[\s-]/g, "").toUpperCase().replaceAll("O", "0").replaceAll(/[IL]/g, "1");
  const isCode = code.length === RECOVERY_CODE_CHARACTERS && [...code].every((c) => ALPHABET.includes(c));
  return isCode ? code : undefined;
}
