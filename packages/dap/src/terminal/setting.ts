/** Commands about breakpoints. */
import { RequestFailure } from './adapter-process.js';
import { type Breakpoint, breakpointText, placeText } from './breakpoints.js';
import type { Command } from './command.js';
import { type Desk, placeOfFrame, selectedFrame } from './desk.js';

/** "file.go:31" of the selected frame; "31" alone is a line of its file. */
const writtenPlace = async (desk: Desk, rest: string): Promise<string> => {
  const line = /^\d+(?=\s|$)/.exec(rest)?.[0];
  if (rest !== '' && line === undefined) return rest;
  const place = placeOfFrame(await selectedFrame(desk));
  if (place === undefined) throw new RequestFailure('There is no source here; name a function or FILE:LINE.');
  const whole = `"${place.file}":${line ?? place.line}`;
  const parsed = /[\s"]/.test(place.file) ? whole : `${place.file}:${line ?? place.line}`;
  return `${parsed}${rest.slice(line?.length ?? 0)}`;
};

const told = ({ screen }: Desk, breakpoint: Breakpoint): void => screen.print(breakpointText(breakpoint));

const addBreakpoint = async (desk: Desk, rest: string): Promise<void> =>
  told(desk, await desk.breakpoints.add(await writtenPlace(desk, rest), desk.symbols));

const toggle = async (desk: Desk, rest: string): Promise<void> => {
  const { breakpoints, screen } = desk;
  if (rest !== '') {
    const breakpoint = breakpoints.numbered(rest);
    breakpoint.enabled = !breakpoint.enabled;
    await breakpoints.send(breakpoint.place);
    told(desk, breakpoint);
    return;
  }
  const place = placeOfFrame(await selectedFrame(desk));
  const here = breakpoints.all.find(({ at }) => at !== undefined && at.file === place?.file && at.line === place.line);
  if (here === undefined) {
    await addBreakpoint(desk, '');
    return;
  }
  await breakpoints.remove(here);
  screen.print(`Breakpoint ${here.number} cleared.`);
};

const setCondition = async (desk: Desk, rest: string): Promise<void> => {
  const match = /^(-hitcount\s+)?(\d+)(?:\s+(.*))?$/s.exec(rest);
  if (match === null) throw new RequestFailure('Say `condition 2 o.Qty == 0`, or `condition -hitcount 2 > 100`.');
  const [, counting, number = '', text] = match;
  const breakpoint = desk.breakpoints.numbered(number);
  if (counting === undefined) breakpoint.condition = text;
  else breakpoint.hits = text;
  await desk.breakpoints.send(breakpoint.place);
  told(desk, breakpoint);
};

export const setting: readonly Command[] = [
  {
    names: ['break', 'b'],
    takes: '[FUNCTION or FILE:LINE or LINE] [if CONDITION] [on goroutine N] [do log "..."]',
    help: 'sets a breakpoint, without a place at the selected line: break main.price if o.Qty == 0',
    needs: 'program',
    completes: 'place',
    run: addBreakpoint,
  },
  {
    names: ['breakpoints', 'bp'],
    help: 'lists them, and who judges each',
    needs: 'nothing',
    run: async (desk) => {
      for (const breakpoint of desk.breakpoints.all) told(desk, breakpoint);
      if (desk.breakpoints.all.length === 0) desk.screen.print('No breakpoints. Set one with: break main.main');
    },
  },
  {
    names: ['clear'],
    takes: 'N',
    help: 'takes breakpoint N out',
    needs: 'program',
    completes: 'breakpoint',
    run: async ({ breakpoints, screen }, rest) => {
      if (rest === '')
        throw new RequestFailure('Say which, as in `clear 2`; `bp` lists them, `clearall` takes all out.');
      const breakpoint = breakpoints.numbered(rest);
      await breakpoints.remove(breakpoint);
      screen.print(`Breakpoint ${breakpoint.number} cleared at ${placeText(breakpoint)}`);
    },
  },
  {
    names: ['clearall'],
    help: 'takes all of them out',
    needs: 'program',
    run: async ({ breakpoints, screen }) => {
      const all = breakpoints.all;
      for (const breakpoint of all) await breakpoints.remove(breakpoint);
      screen.print(`${all.length} breakpoints cleared`);
    },
  },
  {
    names: ['condition', 'cond'],
    takes: '[-hitcount] N [CONDITION]',
    help: 'changes what breakpoint N asks for; with nothing behind it, it stops always',
    needs: 'program',
    completes: 'breakpoint',
    run: setCondition,
  },
  {
    names: ['toggle'],
    takes: '[N]',
    help: 'breakpoint N off or on; without N sets or clears one at the selected line; F9',
    needs: 'program',
    completes: 'breakpoint',
    run: toggle,
  },
];
