/** One thing in a person's configuration that does not agree with what this command ships or with itself. */
export interface Finding {
  /** Absolute path. */
  readonly file: string;
  /** What is there instead of what; without a full stop. */
  readonly what: string;
  /** What to do about it; without a full stop. */
  readonly fix: string;
}

export const findingText = ({ file, what, fix }: Finding): string => `${file}: ${what}; ${fix}.`;
