import { findFreePort, isPortFree } from "../embedded/free-port.ts";

/** One port per name: the wanted one where it is free, else any. */
export async function choosePorts<Name extends string>(
  wanted: Readonly<Record<Name, number>>,
): Promise<Record<Name, number>> {
  const chosen: [string, number][] = [];
  const taken = new Set<number>();
  for (const [name, port] of Object.entries<number>(wanted)) {
    let found = port !== 0 && (await isPortFree(port)) ? port : await findFreePort();
    while (taken.has(found)) found = await findFreePort();
    taken.add(found);
    chosen.push([name, found]);
  }
  return Object.fromEntries(chosen) as Record<Name, number>;
}
