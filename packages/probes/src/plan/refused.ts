/** A refusal on its way up: `code` is stable, `message` a sentence with the next step (plan.ts, Refusal). */
export class Refused extends Error {
  override readonly name = 'Refused';
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}
