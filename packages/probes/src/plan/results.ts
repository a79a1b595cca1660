/** What can be read at a return instruction. */
import type { Degraded, GoBinary, GoFunction, GoVariable } from '@probelens/gosym';

const isUnnamed = (name: string): boolean => name === '' || name === '_' || name.startsWith('~');

/**
 * Results by their names; unnamed ones as r0, r1, ..., and as `err` when it is the only error. Parameters are named, to
 * say that they are gone.
 */
export const variablesAtReturn = (binary: GoBinary, fn: GoFunction): Degraded<readonly GoVariable[]> => {
  const atEntry = binary.parametersAtEntry(fn);
  const { value: results, problems } = binary.resultsAtReturn(fn);
  const errors = results.filter((each) => each.type.name === 'error');
  const named = new Set([...atEntry.value, ...results].map((each) => each.name));
  const shown = results.flatMap((result, index): readonly GoVariable[] => {
    if (!isUnnamed(result.name)) return [result];
    const names = [`r${index}`, ...(errors.length === 1 && errors[0] === result ? ['err'] : [])];
    return names.filter((name) => !named.has(name)).map((name) => ({ ...result, name }));
  });
  const parameters = atEntry.value
    .filter((each) => each.role === 'parameter')
    .map((each): GoVariable => {
      return { ...each, place: { kind: 'absent', reason: 'parameters are gone when the function returns' } };
    });
  return { value: [...shown, ...parameters], problems: [...atEntry.problems, ...problems] };
};
