import { SottoError } from "../sotto-error.ts";

/** Lets the application ask its user. What it throws becomes the cause of a `cancelled`; a SottoError stays itself. */
export async function askApplication<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (cause) {
    if (cause instanceof SottoError) throw cause;
    throw new SottoError("cancelled", "The application did not get what it was asked for", { cause });
  }
}
