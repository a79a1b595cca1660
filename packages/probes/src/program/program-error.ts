/** A plan that is well formed and still has no program: too many temporaries, a register that the context lacks. */
export class ProgramError extends Error {
  override readonly name = 'ProgramError';
}
