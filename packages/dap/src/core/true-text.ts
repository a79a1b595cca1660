/**
 * `disassemble` and `readMemory` read the program's memory, where gates and sentinels stand instead of its own bytes. The
 * client sees what is in the file.
 */
import { type JsonObject, listOf, objectOf, type Response, stringOf } from './message.js';
import type { SessionState } from './state/state.js';

/** In the syntax that Delve asks for (proc.GoFlavour): what a gate prefers to sit on. */
const texts: Readonly<Record<string, string>> = { '55': 'PUSHQ BP', '90': 'NOPL', '0f1f440000': 'NOPL 0(AX)(AX*1)' };

const textOfBytes = (bytes: string): string =>
  texts[bytes] ?? `.byte ${(bytes.match(/../g) ?? []).map((byte) => `0x${byte}`).join(', ')}`;

/** An instruction of the program's with something of ours on it. */
interface Covered {
  readonly start: bigint;
  readonly end: bigint;
  /** Lower-case hex. */
  readonly bytes: string;
}

const covered = ({ gates, kernel }: SessionState): readonly Covered[] => {
  const { bias } = kernel;
  // Where the program was loaded nobody knows: everything stays as it was read.
  if (bias === undefined) return [];
  return [...gates.values()].flatMap((gate) =>
    gate.planned.plan.sites.map(({ address, instruction }) => {
      const start = BigInt(address) + bias;
      return { start, end: start + BigInt(instruction.length / 2), bytes: instruction };
    }),
  );
};

const addressOf = (value: JsonObject): bigint | undefined => {
  const text = stringOf(value.address) ?? '';
  return /^0x[0-9a-f]+$/i.test(text) ? BigInt(text) : undefined;
};

/** Delve's own filler where it has fewer instructions than were asked for (service/dap/server.go). */
const filler: JsonObject = { address: '0xffffffffffffffff', instruction: 'invalid instruction' };

/** What Delve made of the bytes behind a gate is one instruction; the planner saw to it that it is in step after that. */
const trueInstructions = (read: readonly JsonObject[], places: readonly Covered[]): readonly JsonObject[] => {
  const shown: JsonObject[] = [];
  for (const instruction of read) {
    const address = addressOf(instruction);
    const place = places.find(({ start, end }) => address !== undefined && address >= start && address < end);
    if (place === undefined || instruction.instructionBytes === place.bytes) shown.push(instruction);
    else if (address === place.start)
      shown.push({ ...instruction, instructionBytes: place.bytes, instruction: textOfBytes(place.bytes) });
  }
  while (shown.length < read.length) shown.push(filler);
  return shown;
};

const trueMemory = (body: JsonObject, places: readonly Covered[]): JsonObject => {
  const from = addressOf(body);
  const data = stringOf(body.data);
  if (from === undefined || data === undefined) return body;
  const memory = Buffer.from(data, 'base64');
  for (const { start, bytes } of places) {
    const own = Buffer.from(bytes, 'hex');
    const distance = start - from;
    if (distance <= -BigInt(own.length) || distance >= BigInt(memory.length)) continue;
    own.forEach((byte, index) => {
      const at = Number(distance) + index;
      if (at >= 0 && at < memory.length) memory[at] = byte;
    });
  }
  return { ...body, data: memory.toString('base64') };
};

export const withOwnInstructions = (state: SessionState, response: Response): Response => {
  const { command, success } = response;
  if (!success || state.gates.size === 0 || (command !== 'disassemble' && command !== 'readMemory')) return response;
  const places = covered(state);
  const body = objectOf(response.body);
  if (command === 'readMemory') return { ...response, body: trueMemory(body, places) };
  return {
    ...response,
    body: { ...body, instructions: trueInstructions(listOf(body.instructions).map(objectOf), places) },
  };
};
