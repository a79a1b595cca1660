/** One thing that a doctor looks at. */

/** "ok"; "degraded": something is slower or missing and the rest works; "broken": probes do not work without it. */
export type CheckState = 'ok' | 'degraded' | 'broken';

export interface Check {
  /** Stable, kebab-case: "privileges", "delve". */
  readonly id: string;
  readonly title: string;
  readonly state: CheckState;
  /** One or two sentences: what was found, and what it means. */
  readonly detail: string;
  /** One command that mends it, as it is typed. */
  readonly fix: string | undefined;
}

export const ok = (id: string, title: string, detail: string): Check => ({
  id,
  title,
  state: 'ok',
  detail,
  fix: undefined,
});

export const wanting = (
  state: 'degraded' | 'broken',
  id: string,
  title: string,
  detail: string,
  fix: string | undefined,
): Check => ({ id, title, state, detail, fix });
