/** Presses a key through uinput five times, at the places that it is given, and prints what came of it. */
import { openVirtualKey } from '../src/keys/inject/virtual-key.js';

const [uinput = '', system = '', devices = ''] = process.argv.slice(2);
const opened = await openVirtualKey(uinput === '' ? undefined : { uinput, system, devices });
if (!opened.ok) throw new Error(opened.reason);
const pressed: string[][] = [];
for (let count = 0; count < 5; count++) {
  const before = process.hrtime.bigint();
  const { input, arrived } = await opened.key.press();
  pressed.push([before, input, arrived].map(String));
}
// A key that nobody reads any more must not hold the end up.
const last = opened.key.press();
await Promise.all([last, opened.key.close()]);
process.stdout.write(JSON.stringify(pressed));
