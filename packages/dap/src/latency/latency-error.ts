/** A sentence for the person: something that is measured did not work. */
export class LatencyError extends Error {
  override readonly name = 'LatencyError';
}
