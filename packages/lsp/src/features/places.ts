/** Where copies of a function are, in words and on this machine. */
import { basename, isAbsolute, join } from 'node:path';
import type { InlinedInto } from '../binary/protocol.js';
import type { GoModule } from '../module/go-module.js';

/** Places named in the message itself: many clients show nothing else. */
const placesNamed = 4;

/** Where the toolchain's spelling of a source file is on this machine; undefined where only its package is known. */
export function localFile(file: string, module: GoModule | undefined): string | undefined {
  if (isAbsolute(file)) return file;
  // -trimpath: "example.com/orders/main.go"
  if (module !== undefined && file.startsWith(`${module.path}/`))
    return join(module.root, file.slice(module.path.length));
  return undefined;
}

const shortName = (symbol: string): string => symbol.slice(symbol.lastIndexOf('/') + 1);

export function describePlaces(copies: readonly InlinedInto[], total: number): string {
  const named = copies
    .slice(0, placesNamed)
    .map((copy) => `${shortName(copy.caller)} (${basename(copy.file)}:${copy.line})`);
  const rest = total - named.length;
  return rest > 0 ? `${named.join(', ')} and ${rest} more` : named.join(', ');
}
