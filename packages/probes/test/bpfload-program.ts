/** The program fixtures/programs/bpfload: what it says that it did. */
import { createInterface } from 'node:readline';
import { execa } from 'execa';

/** One line of its output. */
export interface LoadReport {
  readonly case: string;
  readonly pid: number;
  readonly name: string;
  readonly type: string;
  readonly license: string;
  readonly instructions: number;
  readonly fd?: number;
  readonly errno?: number;
  readonly id?: number;
  readonly tag?: string;
  readonly mapIds?: readonly number[];
  readonly linkId?: number;
  readonly log?: string;
}

export interface Bpfload {
  readonly pid: number;
  /** One for each case, when the program has said so. */
  readonly reports: Promise<readonly LoadReport[]>;
  /** Ends a program that was started with -hold, and waits for it. */
  end(): Promise<void>;
}

/** Starts it with `-hold`: everything that it loads stays until `end`. */
export const startBpfload = (path: string, flags: readonly string[], cases: readonly string[]): Bpfload => {
  const child = execa(path, [...flags, '-hold', ...cases], { reject: false });
  const read = async (): Promise<readonly LoadReport[]> => {
    const reports: LoadReport[] = [];
    if (cases.length === 0) return reports;
    for await (const line of createInterface({ input: child.stdout })) {
      reports.push(JSON.parse(line));
      if (reports.length === cases.length) return reports;
    }
    throw new Error(`bpfload ended early: ${(await child).stderr}`);
  };
  const reports = read();
  reports.catch(() => undefined);
  return {
    pid: child.pid ?? 0,
    reports,
    end: async () => {
      child.stdin.end();
      await child;
    },
  };
};
