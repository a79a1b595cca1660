/** What a person may configure, with its defaults. The client gives it as the section "probelens". */

export type Severity = 'off' | 'hint' | 'information' | 'warning' | 'error';

export interface Settings {
  /** Path of the program, absolute or relative to the workspace folder; undefined = found. */
  readonly binary: string | undefined;
  readonly codeLens: boolean;
  readonly inlayHints: boolean;
  readonly diagnostics: DiagnosticSettings;
}

export interface DiagnosticSettings {
  /** A function that has no body of its own because every call of it was inlined. */
  readonly inlinedEverywhere: Severity;
  /** A function with a body, some of whose calls were inlined: a probe on it misses those. */
  readonly partlyInlined: Severity;
  /** A function that is neither in the binary nor inlined anywhere: dead, or folded into its callers. */
  readonly notInBinary: Severity;
  /** The source is newer than the binary. */
  readonly staleBinary: Severity;
  /** No binary was found. */
  readonly noBinary: Severity;
  /** The text of a probe names a variable that was optimised away where it is probed, or that is not there. */
  readonly probeVariables: Severity;
  /** A debug session runs an older build than the one on disk. */
  readonly oldSession: Severity;
}

export const defaultSettings: Settings = {
  binary: undefined,
  codeLens: true,
  inlayHints: true,
  diagnostics: {
    inlinedEverywhere: 'information',
    partlyInlined: 'hint',
    notInBinary: 'hint',
    staleBinary: 'information',
    noBinary: 'hint',
    probeVariables: 'warning',
    oldSession: 'information',
  },
};

export interface ReadSettings {
  readonly settings: Settings;
  /** Sentences about values that were not understood; their defaults hold. */
  readonly problems: readonly string[];
}

const severities: readonly string[] = ['off', 'hint', 'information', 'warning', 'error'] satisfies Severity[];
const isSeverity = (value: unknown): value is Severity => typeof value === 'string' && severities.includes(value);

type Raw = Readonly<Record<string, unknown>>;
const isRaw = (value: unknown): value is Raw => typeof value === 'object' && value !== null && !Array.isArray(value);

const sectionOf = (given: unknown): Raw => {
  if (!isRaw(given)) return {};
  return isRaw(given.probelens) ? given.probelens : given;
};

/** Clients answer null for what nobody set: that overrides nothing. */
const set = (raw: Raw): Raw => Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== null));

/**
 * Each source is the section itself or an object that holds it under "probelens", as clients differ in that.
 * Later sources override earlier ones value by value: many clients give settings at the start and, when asked, only
 * what differs.
 */
export function readSettings(...sources: readonly unknown[]): ReadSettings {
  const problems: string[] = [];
  const sections = sources.map((source) => set(sectionOf(source)));
  const raw: Raw = {
    ...Object.assign({}, ...sections),
    diagnostics: Object.assign({}, ...sections.map(({ diagnostics }) => (isRaw(diagnostics) ? set(diagnostics) : {}))),
  };
  const complain = (name: string, wanted: string): void => {
    problems.push(`The setting probelens.${name} must be ${wanted}; its default is used.`);
  };
  const flag = (name: 'codeLens' | 'inlayHints'): boolean => {
    const value = raw[name];
    if (typeof value === 'boolean') return value;
    if (value !== undefined && value !== null) complain(name, 'true or false');
    return defaultSettings[name];
  };
  const severity = (name: keyof DiagnosticSettings): Severity => {
    const value = isRaw(raw.diagnostics) ? raw.diagnostics[name] : undefined;
    if (isSeverity(value)) return value;
    if (value !== undefined && value !== null) complain(`diagnostics.${name}`, severities.join(', '));
    return defaultSettings.diagnostics[name];
  };
  const { binary } = raw;
  if (binary !== undefined && binary !== null && typeof binary !== 'string') complain('binary', 'a path');
  const settings: Settings = {
    binary: typeof binary === 'string' && binary.trim() !== '' ? binary : undefined,
    codeLens: flag('codeLens'),
    inlayHints: flag('inlayHints'),
    diagnostics: {
      inlinedEverywhere: severity('inlinedEverywhere'),
      partlyInlined: severity('partlyInlined'),
      notInBinary: severity('notInBinary'),
      staleBinary: severity('staleBinary'),
      noBinary: severity('noBinary'),
      probeVariables: severity('probeVariables'),
      oldSession: severity('oldSession'),
    },
  };
  return { settings, problems };
}
