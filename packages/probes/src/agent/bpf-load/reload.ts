/** The log of a refused program whose own program asked for none: it is verified once more, here. */
import { readFileSync } from 'node:fs';
import { errnoName, summarizeVerifierLog, verifyAgain } from '@probelens/bpf';
import type { BpfLoad } from '../../bpf-load/call.js';
import { loadAttributes } from './attributes.js';
import { askedForNoLog, reportOf } from './observed.js';
import { isSystemError, memoryOf } from './process-memory.js';
import type { SeenCall } from './records.js';

/** "map_id: 12" and "btf_id: 7" in /proc/PID/fdinfo/N: bpf_map_show_fdinfo, bpf_btf_show_fdinfo. */
const idBehind =
  (pid: number, what: 'map_id' | 'btf_id') =>
  (descriptor: number): number | undefined => {
    try {
      const info = readFileSync(`/proc/${pid}/fdinfo/${descriptor}`, 'latin1');
      const id = new RegExp(`^${what}:\\s*(\\d+)$`, 'm').exec(info)?.[1];
      return id === undefined ? undefined : Number(id);
    } catch (error) {
      if (isSystemError(error)) return undefined;
      throw error;
    }
  };

const informationOf = (pid: number, view: DataView) => {
  const { functions, lines } = loadAttributes(view);
  const read = ({ at, recordBytes, count }: typeof functions) => memoryOf(pid, at, recordBytes * count);
  const [functionBytes, lineBytes] = [read(functions), read(lines)];
  return functionBytes === undefined || lineBytes === undefined
    ? undefined
    : { functions: functionBytes, lines: lineBytes };
};

const noted = (load: BpfLoad, note: string): BpfLoad => ({ ...load, notes: [...load.notes, note] });

/** A load whose program is still there to be asked about its descriptors. */
export interface Reloadable {
  readonly pid: number;
  /** union bpf_attr, at least `attributeBytes`, of which the program gave `size`. */
  readonly view: DataView;
  readonly size: number;
  readonly code: Uint8Array;
  readonly license: string;
}

/** The same load with a log and its summary, or with a note that says why there is none. */
export const verified = ({ pid, view, size, code, license }: Reloadable, load: BpfLoad): BpfLoad => {
  if (load.code.missing > 0) return noted(load, 'It was not loaded again for a log: it is too long to be taken along.');
  const information = informationOf(pid, view);
  const again = verifyAgain({
    attributes: new Uint8Array(view.buffer, view.byteOffset, Math.min(size, view.byteLength)),
    instructions: code,
    license,
    information,
    mapOf: idBehind(pid, 'map_id'),
    btfOf: idBehind(pid, 'btf_id'),
  });
  if (!again.done) return noted(load, `It could not be loaded again for a log: ${again.reason}.`);
  if (again.errno === 0)
    return noted(
      load,
      'Loaded again for a log it was accepted; where it is refused, that comes from the privileges or limits of its program.',
    );
  if (again.log === '')
    return noted(load, `Loaded again for a log it was refused without one (${errnoName(again.errno)}).`);
  const without = load.lines > 0 && information === undefined ? ' Source lines could not be taken along.' : '';
  return {
    ...load,
    notes: [
      ...load.notes.filter((note) => note !== askedForNoLog),
      `The log is from loading the program once more, by the probe agent.${without}`,
    ],
    log: {
      text: again.log,
      from: 'reload',
      ...(again.cut ? { cut: 'its beginning did not fit' } : {}),
      report: reportOf(summarizeVerifierLog(again.log), load.code, again.cut),
    },
  };
};

/** Of a refusal that was seen, where its program asked for no log. */
export const withReloadedLog = (seen: SeenCall, load: BpfLoad): BpfLoad => {
  const { attributes: view, size, code, license } = seen;
  if (load.errno === 0 || load.error === 'EAGAIN' || load.log !== undefined || view === undefined) return load;
  return verified({ pid: seen.header.pid, view, size, code, license }, load);
};
