/** The machine that the agent runs on: programs and offsets are its. */
import type { ProgramMachine } from '../program/registers.js';

export const machineHere = (): ProgramMachine => (process.arch === 'arm64' ? 'arm64' : 'amd64');
