/** Paths of the editor and of the binary, where they differ: Delve's `substitutePath` (pkg/locspec, SubstitutePath). */
import { listOf, objectOf, stringOf } from '../core/message.js';

export interface PathRules {
  readonly toBinary: (path: string) => string;
  readonly toClient: (path: string) => string;
}

type Rule = readonly [from: string, to: string];

const joined = (to: string, rest: string): string => `${to.replace(/\/$/, '')}/${rest.replace(/^\//, '')}`;

/** The first rule that matches whole path elements; an empty `from` is for relative paths. */
const substituted = (path: string, rules: readonly Rule[]): string => {
  for (const [from, to] of rules) {
    if (path === from) return to;
    const relative = from === '' && !path.startsWith('/');
    const below = from !== '' && path.startsWith(from) && (from.endsWith('/') || path.charAt(from.length) === '/');
    if (!relative && !below) continue;
    const rest = path.slice(from.length);
    return to === '' ? rest.replace(/^\//, '') : joined(to, rest);
  }
  return path;
};

/** From the launch argument: `[{ from, to }]`, `from` being the editor's. */
export const pathRules = (substitutePath: unknown): PathRules => {
  const rules = listOf(substitutePath).flatMap((each): readonly Rule[] => {
    const { from, to } = objectOf(each);
    const here = stringOf(from);
    const there = stringOf(to);
    return here === undefined || there === undefined ? [] : [[here, there]];
  });
  const back = rules.map(([from, to]): Rule => [to, from]);
  return { toBinary: (path) => substituted(path, rules), toClient: (path) => substituted(path, back) };
};
