import type { GoBinary } from './api.js';
import { FormatError } from './errors.js';

/**
 * Opens a Go program built by the gc toolchain. Reads headers and tables only; everything else is read when asked for.
 * Throws FormatError for anything that is not such a program.
 */
export const openGoBinary = async (path: string): Promise<GoBinary> => {
  throw new FormatError('unreadable', `${path} cannot be read yet`);
};
