import { type CommandEntry, UsageError } from './command.js';
import { closestNames } from './suggestion.js';

/** Throws UsageError with the nearest name. */
export const findCommand = (commands: readonly CommandEntry[], name: string): CommandEntry => {
  const found = commands.find((entry) => entry.name === name);
  if (found !== undefined) return found;
  const known = commands.filter(({ summary }) => summary !== undefined).map((entry) => entry.name);
  const near = closestNames(name, known, 1)[0];
  const hint = near === undefined ? 'see `probelens help`' : `did you mean "${near}"?`;
  throw new UsageError(`There is no command "${name}"; ${hint}${near === undefined ? '.' : ''}`);
};
