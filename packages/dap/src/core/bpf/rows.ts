/** A load as variables of a scope, and its instructions as the answer to `disassemble`. */
import type { BpfCall, BpfCode, BpfLoad } from '@probelens/probes';
import type { JsonObject } from '../message.js';
import type { Row } from '../state/moments.js';

const row = (name: string, value: string | number, type = ''): Row => ({
  name,
  value: `${value}`,
  type: type === '' && typeof value === 'number' ? 'int' : type,
  inside: undefined,
});

const listRow = (name: string, values: readonly unknown[], value: string): Row => ({
  name,
  value,
  type: '',
  inside: values.length === 0 ? undefined : values,
});

const some = (name: string, value: string | number | undefined): readonly Row[] =>
  value === undefined ? [] : [row(name, value)];

const codeRow = ({ of, instructions, missing }: BpfCode, reference: string): Row => ({
  ...listRow(
    'instructions',
    instructions.map(({ slot, text }) => `${slot}: ${text}`),
    `${instructions.length} ${of === 'kernel' ? 'as the kernel keeps them' : 'as they were given'}${missing > 0 ? `, ${missing} more` : ''}`,
  ),
  memory: reference,
});

const askedRows = (load: BpfLoad): readonly Row[] => [
  row('type', load.type),
  ...some('expected attach type', load.attachType),
  row('name', load.name),
  row('instruction count', load.instructions),
  row('license', load.license),
  row('flags', load.flags.length === 0 ? 'none' : load.flags.join(' | ')),
  row('BTF', load.btf ? 'yes' : 'no'),
  row('line information', load.lines === 0 ? 'none' : `${load.lines} lines, ${load.functions} functions`),
  row('log level', load.logLevel),
];

const loadedRows = ({ loaded }: BpfLoad): readonly Row[] =>
  loaded === undefined
    ? []
    : [
        row('id', loaded.id),
        ...some('tag', loaded.tag),
        ...some('translated bytes', loaded.translatedBytes),
        ...some('JIT bytes', loaded.jitedBytes),
        ...(loaded.mapIds === undefined ? [] : [listRow('map ids', loaded.mapIds, `[${loaded.mapIds.join(', ')}]`)]),
        ...some('instructions verified', loaded.verifiedInstructions),
      ];

const verifierRows = ({ log }: BpfLoad): readonly Row[] => {
  if (log === undefined) return [];
  const lines = log.text.trimEnd().split('\n');
  const from = log.from === 'reload' ? ', from loading the program once more' : '';
  const whole = listRow('log', lines, `${lines.length} lines${from}${log.cut === undefined ? '' : `; ${log.cut}`}`);
  const { report } = log;
  if (report === undefined) return [whole];
  const { source } = report;
  const place = source?.file === undefined ? '' : `${source.file}:${source.line} `;
  return [
    row('check', report.kind),
    row('reason', report.reason),
    ...some('at', report.slot === undefined ? undefined : `instruction ${report.slot}, ${report.instruction ?? ''}`),
    ...some('source', source === undefined ? undefined : `${place}${source.text}`),
    {
      ...row(
        'registers',
        Object.entries(report.registers)
          .map((each) => each.join('='))
          .join(' '),
      ),
      inside: report.registers,
    },
    ...some('path', report.way),
    ...some('cure', report.advice),
    whole,
  ];
};

const outcome = (call: BpfCall): string => (call.errno === 0 ? 'done' : `refused, ${call.error} (errno ${call.errno})`);

/** @param reference what `disassemble` is asked with. */
export const loadRows = (load: BpfLoad, reference: string, before: boolean): readonly Row[] => [
  row('result', before ? 'about to be loaded' : outcome(load)),
  ...some('descriptor', before ? undefined : load.fd),
  ...askedRows(load),
  ...loadedRows(load),
  ...verifierRows(load),
  codeRow(load.code, reference),
  ...(load.notes.length === 0 ? [] : [listRow('notes', load.notes, load.notes.join(' '))]),
];

const slotBytes = 8;

const address = (slot: number): string => `0x${(slot * slotBytes).toString(16)}`;

/** As many as were asked for: what is not there is said to be invalid, as DAP wants it. */
export const disassembled = ({ instructions }: BpfCode, first: number, count: number): readonly JsonObject[] =>
  Array.from({ length: count }, (_, index) => {
    const found = instructions[first + index];
    if (found === undefined)
      return { address: address(Math.max(0, first + index)), instruction: '(none)', presentationHint: 'invalid' };
    const { slot, opcode, text } = found;
    return { address: address(slot), instruction: text, instructionBytes: opcode.toString(16).padStart(2, '0') };
  });
