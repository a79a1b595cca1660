import { spawnSync } from 'node:child_process';
import { soaking } from '../../../../test/requirements.js';

/** Older and newer compilers beside the installed one: DWARF 4 up to Go 1.24, `.zdebug` up to 1.18, generics since. */
const ALL = ['go1.27.0', 'go1.25.5', 'go1.24.13', 'go1.22.12', 'go1.20.14', 'go1.18.10'] as const;
/** Each is a download of 100 MB on a machine that does not have it. */
const FEW = ['go1.27.0', 'go1.22.12', 'go1.20.14'] as const;
const WANTED: readonly string[] = soaking ? ALL : FEW;

/** Newest first: those that are in the module cache or can be fetched; with PROBELENS_REQUIRE_ALL=1 all must be. */
export const toolchains = (): readonly string[] => {
  const found = WANTED.filter((version) => {
    const env = { ...process.env, GOTOOLCHAIN: version };
    return spawnSync('go', ['version'], { env, stdio: 'ignore' }).status === 0;
  });
  const lacking = WANTED.filter((version) => !found.includes(version));
  if (lacking.length > 0) {
    const message = `not compared with ${lacking.join(', ')}: \`GOTOOLCHAIN=${lacking[0]} go version\` does not work.`;
    if (process.env.PROBELENS_REQUIRE_ALL === '1') throw new Error(message);
    console.log(message);
  }
  return found;
};
