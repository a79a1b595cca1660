import { readFileSync } from 'node:fs';

/** Version of the package "probelens". */
export const packageVersion = (): string => {
  const { version }: { version: string } = JSON.parse(readFileSync(manifestFile(), 'utf8'));
  return version;
};

/** As a source this file is one directory below the package, as a part of the bundle two. */
const manifestFile = (): URL =>
  new URL(import.meta.url.includes('/dist/') ? '../../package.json' : '../package.json', import.meta.url);
