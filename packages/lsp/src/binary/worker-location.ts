/** Where the worker's program is: beside this file as compiled, or at the top of the bundled command. */
import { existsSync } from 'node:fs';

/** Name of the worker in the bundled command; its build file says the same. */
const bundledName = 'lsp-worker.js';

export function workerLocation(): URL {
  const places = ['./worker.js', `./${bundledName}`, `../${bundledName}`];
  const found = places.map((place) => new URL(place, import.meta.url)).find((place) => existsSync(place));
  if (found === undefined)
    throw new Error(`The language server is incomplete: ${bundledName} is missing; build it again.`);
  return found;
}
