/** The expressions of a kernel event, lowered before it is armed: the agent's machine alone knows the event's fields. */
import type { ArmSourceParams, SourceFieldDescription } from '../agent/protocol.js';
import { goParser } from '../go-grammar.js';
import { Refused } from '../plan/refused.js';
import { hasExpressions, lowerForSource } from '../plan/source-expressions.js';
import { AgentFailure } from './errors.js';

/** Rejects with an `AgentFailure`. */
export const loweredForSource = async (
  { spec, runtime }: ArmSourceParams,
  fieldsOf: () => Promise<readonly SourceFieldDescription[]>,
): Promise<Pick<ArmSourceParams, 'condition' | 'captures'>> => {
  if (!hasExpressions(spec)) return {};
  const fields = await fieldsOf();
  const parser = await goParser();
  try {
    const { condition, captures } = lowerForSource(parser, spec, fields, runtime !== undefined);
    return condition === undefined ? { captures } : { condition, captures };
  } catch (error) {
    if (error instanceof Refused) throw new AgentFailure(error.code, error.message);
    throw error;
  } finally {
    parser.delete();
  }
};
