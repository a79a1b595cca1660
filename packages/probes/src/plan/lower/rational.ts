/** Exact fractions, as Go's untyped constants are computed, and their rounding to IEEE 754. */

export interface Rational {
  readonly numerator: bigint;
  /** Positive. */
  readonly denominator: bigint;
}

const abs = (value: bigint): bigint => (value < 0n ? -value : value);

const greatestCommonDivisor = (a: bigint, b: bigint): bigint => {
  let [left, right] = [abs(a), abs(b)];
  while (right !== 0n) [left, right] = [right, left % right];
  return left;
};

/** `denominator` may not be 0. */
export const rational = (numerator: bigint, denominator: bigint): Rational => {
  const divisor = greatestCommonDivisor(numerator, denominator) || 1n;
  const sign = denominator < 0n ? -1n : 1n;
  return { numerator: (sign * numerator) / divisor, denominator: (sign * denominator) / divisor };
};

/** Exponents of decimal literals beyond this are no numbers that a float64 tells from 0 or infinity. */
const largestExponent = 400;

/** A decimal floating-point literal without underscores; undefined for hexadecimal ones and absurd exponents. */
export const parseDecimal = (text: string): Rational | undefined => {
  const [, whole = '', fraction = '', exponent = '0'] = /^([0-9]*)\.?([0-9]*)(?:[eE]([+-]?[0-9]+))?$/.exec(text) ?? [];
  const digits = whole + fraction;
  const power = Number(exponent) - fraction.length;
  if (digits === '' || digits.length > largestExponent || Math.abs(power) > largestExponent) return undefined;
  const scale = 10n ** BigInt(Math.abs(power));
  return power < 0 ? rational(BigInt(digits), scale) : rational(BigInt(digits) * scale, 1n);
};

const bitLength = (value: bigint): number => value.toString(2).length;

interface Format {
  /** Bits of the significand, the hidden one included. */
  readonly precision: number;
  /** Exponent of the smallest normal number's unit in the last place. */
  readonly leastUnit: number;
  readonly bits: number;
}

const formats: Readonly<Record<4 | 8, Format>> = {
  4: { precision: 24, leastUnit: -149, bits: 32 },
  8: { precision: 53, leastUnit: -1074, bits: 64 },
};

/** numerator / denominator / 2^unit, rounded half to even. */
const scaled = (numerator: bigint, denominator: bigint, unit: number): bigint => {
  const top = unit < 0 ? numerator << BigInt(-unit) : numerator;
  const bottom = unit < 0 ? denominator : denominator << BigInt(unit);
  const quotient = top / bottom;
  const twice = (top - quotient * bottom) * 2n;
  const up = twice > bottom || (twice === bottom && (quotient & 1n) === 1n);
  return up ? quotient + 1n : quotient;
};

/**
 * Bits of the nearest number of 4 or 8 bytes, and whether it is exactly the fraction. Undefined when it would be
 * infinite: Go refuses such constants.
 */
export const roundToFloat = (
  value: Rational,
  width: 4 | 8,
): { readonly bits: bigint; readonly exact: boolean } | undefined => {
  const { precision, leastUnit, bits } = formats[width];
  const magnitude = abs(value.numerator);
  if (magnitude === 0n) return { bits: 0n, exact: true };
  const estimate = bitLength(magnitude) - bitLength(value.denominator) - precision;
  let unit = Math.max(estimate, leastUnit);
  let significand = scaled(magnitude, value.denominator, unit);
  // The estimate may be one too small, and rounding may carry into another bit.
  while (bitLength(significand) > precision) significand = scaled(magnitude, value.denominator, ++unit);
  const hidden = 1n << BigInt(precision - 1);
  const biased = significand < hidden ? 0n : BigInt(unit - leastUnit + 1);
  const largest = (1n << BigInt(bits - precision)) - 1n;
  if (biased >= largest) return undefined;
  const sign = value.numerator < 0n ? 1n << BigInt(bits - 1) : 0n;
  const encoded = sign | (biased << BigInt(precision - 1)) | (significand & (hidden - 1n));
  const back = unit < 0 ? rational(significand, 1n << BigInt(-unit)) : rational(significand << BigInt(unit), 1n);
  const exact = back.numerator === magnitude && back.denominator === value.denominator;
  return { bits: encoded, exact };
};
