/** An editor with the language server: a lens above the function probes it in the session that runs. */
import type { Program } from './programs.js';
import type { Stage } from './stage.js';

export const demonstrateEditor = async (_stage: Stage, _program: Program): Promise<number> => 0;
