/**
 * The one error this package throws for input it cannot use. `code` is stable and for programs; `message` is one
 * sentence for a person and ends with what to do next; `offset` is a file offset in bytes.
 */

export type FormatErrorCode =
  | 'no-such-file'
  | 'unreadable'
  | 'not-a-regular-file'
  | 'empty'
  | 'truncated'
  | 'changed-while-read'
  | 'not-elf'
  | 'bad-elf'
  | 'unsupported-machine'
  | 'bad-compression'
  | 'too-large'
  | 'packed'
  | 'not-go'
  | 'gccgo'
  | 'tinygo'
  | 'no-pclntab'
  | 'bad-pclntab'
  | 'no-text-base'
  | 'bad-inline-tree'
  | 'bad-dwarf'
  | 'unmapped-address'
  | 'closed';

export interface FormatErrorDetail {
  readonly offset?: number;
  readonly expected?: string;
  readonly found?: string;
  readonly cause?: unknown;
}

export class FormatError extends Error {
  override readonly name = 'FormatError';
  readonly code: FormatErrorCode;
  readonly offset: number | undefined;
  readonly expected: string | undefined;
  readonly found: string | undefined;

  constructor(code: FormatErrorCode, message: string, detail: FormatErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.code = code;
    this.offset = detail.offset;
    this.expected = detail.expected;
    this.found = detail.found;
  }
}

export const isFormatError = (value: unknown): value is FormatError => value instanceof FormatError;
