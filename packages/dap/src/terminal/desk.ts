/** What commands work with. */
import { RequestFailure } from './adapter-process.js';
import type { Breakpoints } from './breakpoints.js';
import { type Listing, type Place, shownPath } from './listing.js';
import type { Frame, Program } from './program.js';
import type { Screen } from './screen.js';
import type { Symbols } from './symbols.js';

export type Leaving = 'kill' | 'leave';

export interface Desk {
  readonly screen: Screen;
  readonly listing: Listing;
  readonly breakpoints: Breakpoints;
  /** Of the running session; `restart` makes a new one. */
  readonly program: Program;
  /** Undefined while there is no program, or where its file cannot be read. */
  readonly symbols: Symbols | undefined;
  /** The program was there before this session. */
  readonly attached: boolean;
  /** Texts of the probes that the person added, by number; a restart adds them again. */
  readonly probes: Map<string, string>;
  /** Where captures and the history are kept. */
  readonly stateDirectory: string;
  restart(): Promise<void>;
  /** Undefined where nobody can be asked. */
  ask(question: string): Promise<string | undefined>;
  /** The session is to end; nothing is read any more. */
  leave(how: Leaving): void;
}

/** Rejects where no frame is selected. */
export const selectedFrame = async (desk: Desk): Promise<Frame> => {
  const frame = await desk.program.frame();
  if (frame === undefined) throw new RequestFailure('The goroutine has no such frame; `stack` shows those there are.');
  return frame;
};

export const placeOfFrame = ({ file, line }: Frame): Place | undefined => (file === '' ? undefined : { file, line });

/** The goroutine's own line: "main.price  order.go:24". */
export const frameText = ({ name, file, line }: Frame): string =>
  `${name}  ${file === '' ? 'without source' : `${shownPath(file)}:${line}`}`;

/** The lines around a place. Says so where the source is not here. */
export const showSource = (desk: Desk, place: Place, cursor: Place | undefined): void => {
  const breakpoints = desk.breakpoints.linesOf(place.file);
  if (!desk.listing.show(desk.screen, desk.symbols, { place, cursor, breakpoints }))
    desk.screen.print(`${place.file} cannot be read here.`);
};
