/**
 * `disassemble` reads the program's memory, where a gate's int3 stands instead of the instruction. The client sees the
 * program's own one. Only gates of one byte are mended; those are all that stop.
 */
import { type JsonObject, listOf, objectOf, type Response, stringOf } from './message.js';
import type { Gate, SessionState } from './state.js';

/** In the syntax that Delve asks for (proc.GoFlavour). */
const texts: Readonly<Record<string, string>> = { '55': 'PUSHQ BP', '90': 'NOPL' };

/** Own instruction by address as linked, lower-case hex. A position-independent program has other addresses: as it is. */
const hidden = (gates: Iterable<Gate>): ReadonlyMap<string, string> => {
  const bytes = new Map<string, string>();
  for (const gate of gates) for (const site of gate.planned.plan.sites) bytes.set(site.address, site.instruction);
  return bytes;
};

export const withOwnInstructions = (state: SessionState, response: Response): Response => {
  if (response.command !== 'disassemble' || !response.success || state.gates.size === 0) return response;
  const own = hidden(state.gates.values());
  const body = objectOf(response.body);
  const instructions = listOf(body.instructions).map((value): JsonObject => {
    const instruction = objectOf(value);
    const bytes = own.get(stringOf(instruction.address) ?? '');
    const text = bytes === undefined ? undefined : texts[bytes];
    if (text === undefined || instruction.instructionBytes !== 'cc') return instruction;
    return { ...instruction, instructionBytes: bytes, instruction: text };
  });
  return { ...response, body: { ...body, instructions } };
};
