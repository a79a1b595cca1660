import type { KeyCheck } from './matrix.js';

const stateWords = { read: 'read', absent: 'not here', failed: 'NOT READ' } as const;

/** What was read, then each key that something stands in the way of, layer by layer, with the cure. */
export const checkText = ({ layers, conflicts, findings, unreachable }: KeyCheck): string => {
  const width = Math.max(...layers.map(({ source }) => source.length));
  const read = layers.map(
    ({ layer, source, state, detail }) =>
      `  ${layer.padEnd(8)}  ${source.padEnd(width)}  ${stateWords[state]}${detail === '' ? '' : `: ${detail}`}`,
  );
  const matrix = conflicts.flatMap(({ editor, key, title, claims, arrives, instead }) => [
    `  ${key} (${editor}: ${title})`,
    ...claims.map(
      ({ layer, taker, lost, arrives: instead, cure }) =>
        `    ${layer.padEnd(8)}  ${taker}; arrives: ${lost ? instead : `${key} ${instead}`}${cure === undefined ? '' : `; cure: ${cure}`}`,
    ),
    `    session   ${arrives === key ? 'gets it' : 'does not get it'}${instead.length === 0 ? '' : `; the same without conflict: ${instead.join(', ')}`}`,
  ]);
  return [
    'Layers',
    ...read,
    '',
    conflicts.length === 0 ? 'No key of ours is taken by anybody.' : 'Conflicts',
    ...matrix,
    ...findings.map((finding) => `VS Code: ${finding}`),
    ...unreachable.map((what) => `No key is left for: ${what}.`),
  ].join('\n');
};
