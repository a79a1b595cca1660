/** The expressions of a kernel event, lowered before it is armed: the agent's machine alone knows the event's fields. */
import type { ArmSourceParams, SourceFieldDescription } from '../agent/protocol.js';
import { original, readable, readableName } from '../bpf-load/keywords.js';
import { goParser } from '../go-grammar.js';
import { Refused } from '../plan/refused.js';
import { hasExpressions, lowerForSource } from '../plan/source-expressions.js';
import type { ProbeSpec } from '../spec/spec.js';
import { AgentFailure } from './errors.js';

const isBpf = ({ target }: ProbeSpec): boolean => target.kind === 'bpf';

const asRead = (spec: ProbeSpec): ProbeSpec =>
  isBpf(spec) && spec.condition !== undefined ? { ...spec, condition: readable(spec.condition) } : spec;

/** Rejects with an `AgentFailure`. */
export const loweredForSource = async (
  { spec, runtime }: ArmSourceParams,
  fieldsOf: () => Promise<readonly SourceFieldDescription[]>,
): Promise<Pick<ArmSourceParams, 'condition' | 'captures'>> => {
  if (!hasExpressions(spec)) return {};
  const found = await fieldsOf();
  const fields = isBpf(spec) ? found.map((field) => ({ ...field, name: readableName(field.name) })) : found;
  const parser = await goParser();
  try {
    const { condition, captures } = lowerForSource(parser, asRead(spec), fields, runtime !== undefined);
    return condition === undefined ? { captures } : { condition, captures };
  } catch (error) {
    if (error instanceof Refused)
      throw new AgentFailure(error.code, isBpf(spec) ? original(error.message) : error.message);
    throw error;
  } finally {
    parser.delete();
  }
};
