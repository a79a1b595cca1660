/** Captured bytes as Go would print them. Lengths and offsets are bytes, little endian. */
import type { CapturedValue } from '../events.js';
import type { CaptureShape, PlannedCapture } from '../plan/plan.js';
import { bytesText, floatText, integerText, stringText } from './scalar-text.js';
import { structuredValue } from './structured-text.js';

/** What stands where a value could not be read. */
const UNREADABLE = '?';

const shapedText = (shape: CaptureShape, view: DataView, at: number): string => {
  switch (shape.kind) {
    case 'integer':
      return integerText(view, at, shape.signed);
    case 'bool':
      return view.getUint8(at) === 0 ? 'false' : 'true';
    case 'float': {
      const value = shape.width === 4 ? view.getFloat32(at, true) : view.getFloat64(at, true);
      return floatText(value, shape.width);
    }
    case 'pointer': {
      const address = view.getBigUint64(at, true);
      return address === 0n ? 'nil' : `0x${address.toString(16)}`;
    }
    case 'string':
      return stringText(view, at, shape.limit);
    case 'bytes':
      return bytesText(view, at, shape.limit);
    case 'structured':
    case 'unavailable':
      return UNREADABLE;
  }
};

/** `at` is undefined for a capture without a place. */
export const capturedValue = (
  capture: PlannedCapture,
  view: DataView,
  at: number | undefined,
  faulted: boolean,
): CapturedValue => {
  const missing = at === undefined || faulted;
  const { shape, parts } = capture;
  if (!missing && shape.kind === 'structured' && parts !== undefined) {
    const shown = structuredValue(shape.layout, parts, view, at);
    return { name: capture.name, type: capture.typeName, ...shown, faulted: false };
  }
  return {
    name: capture.name,
    type: capture.typeName,
    text: missing ? UNREADABLE : shapedText(capture.shape, view, at),
    faulted: missing,
  };
};
