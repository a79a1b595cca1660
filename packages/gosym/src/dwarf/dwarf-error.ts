/** Debug information that contradicts itself. Caught by the facade, which answers with a problem instead. */
export class DwarfError extends Error {
  override readonly name = 'DwarfError';
  constructor(
    readonly section: string,
    readonly offset: number,
    what: string,
  ) {
    super(`${section} at 0x${Math.max(0, offset).toString(16)} ${what}`);
  }
}
