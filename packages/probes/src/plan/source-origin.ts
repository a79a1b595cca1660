/** What an event of the kernel has to know of the program: where its goroutines are, their labels, and its code. */
import { type GoBinary, hex } from '@probelens/gosym';
import type { ProbeSpec } from '../spec/spec.js';
import type { LoweredExpression } from './expression.js';
import { labelCondition } from './pprof-label.js';

/** As in `ArmSourceParams`, which says what each of them is for. */
export interface SourceOrigin {
  readonly runtime: { readonly goid: number; readonly tlsG: number } | undefined;
  readonly code?: { readonly end: string; readonly fixed: boolean };
  readonly label?: LoweredExpression;
}

/** Libraries lie wherever another program has loaded them: `-buildmode` of cmd/go. */
const libraryModes: ReadonlySet<string> = new Set(['c-shared', 'plugin', 'shared']);

const isLibrary = ({ buildInfo }: GoBinary): boolean =>
  libraryModes.has(buildInfo?.settings.get('-buildmode') ?? 'default');

/** Throws Refused where the scope is a label that cannot be read in this program. */
export const sourceOrigin = ({ scope }: ProbeSpec, binary: GoBinary): SourceOrigin => {
  const { goid, tlsG } = binary.runtime;
  return {
    runtime: goid === undefined || tlsG === undefined ? undefined : { goid, tlsG },
    ...(isLibrary(binary) ? {} : { code: { end: hex(binary.codeEnd), fixed: !binary.positionIndependent } }),
    ...(scope.kind === 'label' ? { label: labelCondition(scope, binary) } : {}),
  };
};
