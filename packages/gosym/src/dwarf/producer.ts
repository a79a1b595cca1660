/** What a Go compile unit says about its compiler: "Go cmd/compile go1.26.8; -N -l regabi". */
export interface Producer {
  /** 26 for Go 1.26; undefined for development versions, which count as newest. */
  readonly minor: number | undefined;
  /** Arguments in registers: amd64 since Go 1.17, arm64 since 1.18. */
  readonly registerAbi: boolean;
  readonly optimised: boolean;
}

export const parseProducer = (text: string): Producer => {
  const flags = text.slice(text.indexOf(';') + 1).split(/[\s;]+/);
  const version = /\bgo1\.(\d+)/.exec(text);
  return {
    minor: version === null ? undefined : Number(version[1]),
    registerAbi: text.includes(';') && flags.includes('regabi'),
    optimised: !text.includes(';') || !flags.includes('-N'),
  };
};
