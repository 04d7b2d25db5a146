// Holds an embedded PostgreSQL until it is killed; for the tests of what happens then.
// Argument: the folder. Prints one line of JSON when the server is there.
import { startPostgres } from "./postgres.ts";

const [dir = ""] = process.argv.slice(2);
const { url, pid } = await startPostgres({ dir });
console.log(JSON.stringify({ url, pid }));
