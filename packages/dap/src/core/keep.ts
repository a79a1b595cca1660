import type { KeepState } from './output.js';
import type { SessionState } from './state/state.js';
import { functionsGroup, pathOfGroup } from './wants.js';

/** What the keeper has to know, drawn from the state so that it can never be told too late. */
export const keepStateOf = (state: SessionState): KeepState => {
  const sources: string[] = [];
  let functions = false;
  for (const group of state.groups.values()) {
    if (!group.placed.some((placed) => placed.home === 'delve')) continue;
    const path = pathOfGroup(group.key);
    if (path !== undefined) sources.push(path);
    else if (group.key === functionsGroup) functions = true;
  }
  return {
    live: state.launch?.live === true && !state.target.exited,
    pid: state.target.pid ?? state.launch?.pid,
    sources,
    functions,
    instructions: state.instructions.length > 0 || state.stepping.follow !== undefined,
    step: state.step !== undefined || state.stepCut,
  };
};

/** Cheap: nearly every message passes without touching any of it. */
export const keepMayDiffer = (before: SessionState, after: SessionState): boolean =>
  before.groups !== after.groups ||
  before.target !== after.target ||
  before.launch !== after.launch ||
  before.instructions !== after.instructions ||
  before.step !== after.step ||
  before.stepCut !== after.stepCut ||
  before.stepping.follow !== after.stepping.follow;
