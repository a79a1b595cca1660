/** Prints what works, as JSON; run with few privileges to see the reasons. */
import { type Feature, features } from '../../src/index.js';

const known = features();
const answers: Record<string, Feature> = {};
for (const name of Object.keys(known) as (keyof typeof known)[]) answers[name] = known[name];
process.stdout.write(JSON.stringify(answers));
