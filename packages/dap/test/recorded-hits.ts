/** A program run to its end with breakpoints set: every stop in order, whoever evaluates the conditions. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fixtureSources } from '../../../test/fixture-build.js';
import { firstOf } from './answers.js';
import type { SeenVariable } from './random-conditions.js';
import type { TestClient } from './session-client.js';
import type { SessionStage } from './session-stage.js';

export type Place =
  | { readonly kind: 'line'; readonly file: string; readonly line: number }
  | { readonly kind: 'function'; readonly name: string };

export interface Asked {
  readonly place: Place;
  readonly condition?: string | undefined;
  readonly hitCondition?: string | undefined;
  /** Of lines only. */
  readonly logMessage?: string | undefined;
}

export const spoken = ({ place, condition, hitCondition, logMessage }: Asked): string => {
  const where = place.kind === 'function' ? place.name : `${place.file.split('/').at(-1)}:${place.line}`;
  const what = [
    condition && `if ${condition}`,
    hitCondition && `hits ${hitCondition}`,
    logMessage && `log ${logMessage}`,
  ];
  return [where, ...what].filter(Boolean).join(' ');
};

/** Every line of code and every function of a fixture; most lines are not places where a program can stop. */
export const placesIn = (fixture: string): readonly Place[] => {
  const places: Place[] = [];
  const directory = fixtureSources(fixture);
  for (const name of readdirSync(directory).filter((each) => each.endsWith('.go'))) {
    const file = join(directory, name);
    readFileSync(file, 'utf8')
      .split('\n')
      .forEach((text, index) => {
        const fn = /^func (?:\(\w+ (\*?)(\w+)(?:\[.*?\])?\) )?(\w+)/.exec(text);
        if (fn?.[3] !== undefined) {
          const owner = fn[2] === undefined ? '' : fn[1] === '*' ? `(*${fn[2]}).` : `${fn[2]}.`;
          places.push({ kind: 'function', name: `main.${owner}${fn[3]}` });
        }
        if (fn !== null || /^\t+[^\s/]/.test(text)) places.push({ kind: 'line', file, line: index + 1 });
      });
  }
  return places;
};

interface Answered {
  readonly verified: boolean;
  readonly id?: number;
  readonly message?: string;
}

/** One request for each file and one for the functions; answers in the order of `asked`. */
const setAll = async (client: TestClient, asked: readonly Asked[]): Promise<readonly Answered[]> => {
  const answers = new Map<Asked, Answered>();
  const functions = asked.filter(({ place }) => place.kind === 'function');
  const files = new Set(asked.flatMap(({ place }) => (place.kind === 'line' ? [place.file] : [])));
  const keep = (of: readonly Asked[], list: readonly Answered[]): void => {
    of.forEach((each, index) => {
      const answer = list[index];
      if (answer !== undefined) answers.set(each, answer);
    });
  };
  for (const path of files) {
    const here = asked.filter(({ place }) => place.kind === 'line' && place.file === path);
    const breakpoints = here.map(({ place, condition, hitCondition, logMessage }) => ({
      line: place.kind === 'line' ? place.line : 0,
      condition,
      hitCondition,
      logMessage,
    }));
    keep(here, (await client.request('setBreakpoints', { source: { path }, breakpoints })).breakpoints);
  }
  if (functions.length > 0) {
    const breakpoints = functions.map(({ place, condition, hitCondition }) => ({
      name: place.kind === 'function' ? place.name : '',
      condition,
      hitCondition,
    }));
    keep(functions, (await client.request('setFunctionBreakpoints', { breakpoints })).breakpoints);
  }
  return asked.map((each) => answers.get(each) ?? { verified: false, id: 0, message: 'no answer' });
};

export interface Hit {
  /** Which of the breakpoints asked for; more than one where two share an address. */
  readonly asked: readonly number[];
  readonly function: string;
  readonly line: number;
}

export interface Run {
  readonly answers: readonly Answered[];
  readonly hits: readonly Hit[];
  /** What the program printed, process ids taken out. */
  readonly output: string;
}

/** Runs `program` to its end. `look` is called at every stop. */
export const recordHits = async (
  stage: SessionStage,
  launch: { readonly program: string; readonly args?: readonly string[]; readonly kernel: 'auto' | 'off' },
  asked: readonly Asked[],
  look: (client: TestClient, hit: Hit, frameId: number) => Promise<void> = async () => undefined,
): Promise<Run> => {
  const client = await stage.launch(launch.program, { args: launch.args ?? [], kernel: launch.kernel });
  const answers = await setAll(client, asked);
  await client.ask('configurationDone');
  const hits: Hit[] = [];
  for (;;) {
    const event = await client.next((one) => one.event === 'stopped' || one.event === 'terminated');
    if (event.event === 'terminated') break;
    const { threadId, hitBreakpointIds } = event.body;
    const top = firstOf((await client.request('stackTrace', { threadId, startFrame: 0, levels: 1 })).stackFrames);
    const ids = new Set<number>(hitBreakpointIds ?? []);
    const numbers = answers.flatMap(({ id }, index) => (id !== undefined && ids.has(id) ? [index] : []));
    const hit: Hit = { asked: numbers, function: top.name, line: top.line };
    hits.push(hit);
    await look(client, hit, top.id);
    await client.ask('continue', { threadId });
  }
  const output = client.output.replace(/ready \d+/, 'ready').replace(/0x[0-9a-f]{6,}/g, '0x#');
  await client.ask('disconnect');
  return { answers, hits, output };
};

/** No type assertions (`x.(data)`). */
const plainName = /^[A-Za-z_](?!.*\.\()[\w.()*[\]]*$/;

/** Delve shows the runtime's own fields of these. */
const opaque = /^(<-)?chan|^func|^map/;

/** Of a frame: its variables and the parts of those, one level down. */
const variablesOf = async (client: TestClient, frameId: number): Promise<ReadonlyMap<string, SeenVariable>> => {
  const seen = new Map<string, SeenVariable>();
  const { scopes } = await client.request('scopes', { frameId });
  const walk = async (variablesReference: number, deeper: number): Promise<void> => {
    const { variables } = await client.request('variables', { variablesReference });
    for (const { evaluateName, type, value, variablesReference: inside } of variables) {
      if (evaluateName === undefined || !plainName.test(evaluateName)) continue;
      seen.set(evaluateName, { expression: evaluateName, type: type ?? '', values: [value] });
      if (inside > 0 && deeper > 0 && !opaque.test(type ?? '')) await walk(inside, deeper - 1);
    }
  };
  for (const scope of scopes) if (scope.name.startsWith('Locals')) await walk(scope.variablesReference, 2);
  return seen;
};

export interface Surveyed {
  readonly place: Place;
  readonly variables: readonly SeenVariable[];
}

/** What Delve sees at the first few hits of each place; places that are never hit are left out. */
export const survey = async (
  stage: SessionStage,
  launch: { readonly program: string; readonly args?: readonly string[] },
  places: readonly Place[],
): Promise<readonly Surveyed[]> => {
  const seen = new Map<Place, Map<string, SeenVariable>>();
  const asked = places.map((place) => ({ place, hitCondition: '<= 3' }));
  await recordHits(stage, { ...launch, kernel: 'off' }, asked, async (client, hit, frameId) => {
    const variables = await variablesOf(client, frameId);
    for (const index of hit.asked) {
      const place = places[index];
      if (place === undefined) continue;
      const known = seen.get(place) ?? new Map<string, SeenVariable>();
      for (const [name, now] of variables) {
        const values = [...(known.get(name)?.values ?? []), ...now.values];
        known.set(name, { ...now, values });
      }
      seen.set(place, known);
    }
  });
  return [...seen].map(([place, variables]) => ({ place, variables: [...variables.values()] }));
};
