/** Reading untrusted JSON: every question ends in a value of the asked type or an InvalidPlan with the path to it. */

/** A plan that nobody's planner made. `message` names the field. */
export class InvalidPlan extends Error {
  override readonly name = 'InvalidPlan';
}

export interface Field {
  readonly path: string;
  readonly value: unknown;
}

const refuse = (field: Field, expected: string): never => {
  throw new InvalidPlan(`${field.path} is not ${expected}`);
};

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const member = (of: Field, name: string): Field => {
  if (!isObject(of.value)) return refuse(of, 'an object');
  return { path: of.path === '' ? name : `${of.path}.${name}`, value: of.value[name] };
};

export const isAbsent = (field: Field): boolean => field.value === undefined || field.value === null;

/** JSON has no undefined: an absent member and null both say that there is none. */
export const optional = <T>(field: Field, read: (field: Field) => T): T | undefined =>
  isAbsent(field) ? undefined : read(field);

export const text = (field: Field, longest = 65_536): string =>
  typeof field.value === 'string' && field.value.length <= longest
    ? field.value
    : refuse(field, `a text of at most ${longest} characters`);

export const flag = (field: Field): boolean =>
  typeof field.value === 'boolean' ? field.value : refuse(field, 'true or false');

export const integer = (field: Field, least: number, most: number): number => {
  const { value } = field;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most) return value;
  return refuse(field, `an integer in [${least}, ${most}]`);
};

export const list = (field: Field, most: number): readonly Field[] => {
  if (!Array.isArray(field.value) || field.value.length > most) return refuse(field, `a list of at most ${most}`);
  return field.value.map((value, index) => ({ path: `${field.path}[${index}]`, value }));
};

export const oneOf = <const T extends string | number>(field: Field, allowed: readonly T[]): T =>
  allowed.find((each) => each === field.value) ?? refuse(field, `one of ${allowed.join(', ')}`);

/** "0x..." below 2^53. */
export const address = (field: Field): number => {
  const written = text(field, 18);
  const value = /^0x[0-9a-f]{1,14}$/.test(written) ? Number(written) : Number.NaN;
  return Number.isSafeInteger(value) ? value : refuse(field, 'an address like "0x4ad90a"');
};

/** Pairs of lower-case hexadecimal digits. */
export const hexBytes = (field: Field, most: number): number => {
  const written = text(field, most * 2);
  return /^(?:[0-9a-f]{2})*$/.test(written) ? written.length / 2 : refuse(field, 'pairs of hexadecimal digits');
};

/** A decimal integer in [-2^63, 2^64). */
export const decimal = (field: Field): bigint => {
  const written = text(field, 21);
  if (!/^-?[0-9]{1,20}$/.test(written)) return refuse(field, 'a decimal integer');
  const value = BigInt(written);
  return value >= -(2n ** 63n) && value < 2n ** 64n ? value : refuse(field, 'an integer of 64 bits');
};
