// The files of swagger-ui that the page loads, from where npm has put them: nothing comes from another host.
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import swaggerUi from "swagger-ui-dist/package.json" with { type: "json" };

const TYPES = {
  "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
  "swagger-ui.css": "text/css; charset=utf-8",
} as const;
type AssetName = keyof typeof TYPES;

export interface Asset {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly type: string;
}

/** Where an asset is served. The version is a part of it, so that a browser may keep it for ever. */
export function assetPath(name: AssetName): string {
  return `/api/docs/${swaggerUi.version}/${name}`;
}

/** All of them by path. Rejects when one is not installed. */
export async function readAssets(): Promise<ReadonlyMap<string, Asset>> {
  const entries = Object.entries(TYPES) as [AssetName, string][];
  const read = entries.map(async ([name, type]): Promise<[string, Asset]> => {
    const file = fileURLToPath(import.meta.resolve(`swagger-ui-dist/${name}`));
    return [assetPath(name), { body: new Uint8Array(await readFile(file)), type }];
  });
  return new Map(await Promise.all(read));
}
