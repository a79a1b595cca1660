/** VS Code: entries of ours in three files of the person, whose ports and debug type have to agree with each other. */
import { basename, join } from 'node:path';
import type { Editor } from '../editor-files.js';
import { textOf } from './disk.js';
import type { Finding } from './finding.js';
import { type Fields, fieldsOf, listOf, parseJsonc } from './jsonc.js';

export interface CodePlaces {
  /** Directory of launch.json and tasks.json. */
  readonly folder: string;
  /** Where keybindings.json may be; the first that exists counts. */
  readonly keys: readonly string[];
}

interface Read {
  readonly file: string;
  /** Undefined where the file is missing or broken. */
  readonly value: unknown;
  readonly findings: readonly Finding[];
}

function read(candidates: readonly string[]): Read {
  const [likeliest = ''] = candidates;
  const file = candidates.find((candidate) => textOf(candidate) !== undefined) ?? likeliest;
  const text = textOf(file);
  const problem = (what: string, fix: string): Read => ({ file, value: undefined, findings: [{ file, what, fix }] });
  if (text === undefined)
    return problem('is not there', `run \`probelens init vscode\` and copy its ${basename(file)}`);
  try {
    return { file, value: parseJsonc(text), findings: [] };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return problem(`cannot be read (${error.message})`, 'correct it; VS Code does not read it either');
  }
}

const shippedValue = ({ files }: Editor, name: string): unknown =>
  parseJsonc(files.find((file) => file.name === name)?.text ?? 'null');

const configurationsOf = (value: unknown): readonly Fields[] => listOf(fieldsOf(value).configurations).map(fieldsOf);

/** "127.0.0.1:38697" behind --listen of the first task that starts `probelens dap`. */
function listeningAt(tasks: unknown): string | undefined {
  for (const task of listOf(fieldsOf(tasks).tasks).map(fieldsOf)) {
    const words = [task.command, ...listOf(task.args)].filter((word) => typeof word === 'string').join(' ');
    const found = /probelens\b.*\bdap\b.*--listen[ =](\S+)/.exec(words)?.[1];
    if (found !== undefined) return found;
  }
  return undefined;
}

function checkConfigurations(file: string, theirs: unknown, shipped: unknown, address: string): readonly Finding[] {
  return configurationsOf(shipped).flatMap((ours): readonly Finding[] => {
    const { name } = ours;
    const found = configurationsOf(theirs).find((candidate) => candidate.name === name);
    const place = `the configuration "${String(name)}"`;
    if (found === undefined)
      return [{ file, what: `${place} is missing`, fix: 'copy it from `probelens init vscode`' }];
    const differing = ['type', 'request', 'debugAdapter', 'mode'].filter((field) => found[field] !== ours[field]);
    const findings = differing.map((field) => ({
      file,
      what: `${place} has the ${field} ${JSON.stringify(found[field] ?? null)}`,
      fix: `set it to ${JSON.stringify(ours[field])}`,
    }));
    const connects = `${String(found.host ?? '127.0.0.1')}:${String(found.port)}`;
    if (connects === address) return findings;
    const what = `${place} connects to ${connects}, and the adapter listens at ${address}`;
    return [...findings, { file, what, fix: 'use one port in launch.json and tasks.json' }];
  });
}

function checkKeys(file: string, theirs: unknown, shipped: unknown): readonly Finding[] {
  const entries = listOf(theirs).map(fieldsOf);
  return listOf(shipped)
    .map(fieldsOf)
    .flatMap((ours): readonly Finding[] => {
      const place = `the key ${String(ours.key)} for ${String(ours.command)}`;
      const found = entries.find(({ key, command }) => key === ours.key && command === ours.command);
      if (found === undefined)
        return [{ file, what: `${place} is missing`, fix: 'copy it from `probelens init vscode`' }];
      if (found.when === ours.when) return [];
      const what = `${place} holds when ${JSON.stringify(found.when ?? null)}`;
      return [{ file, what, fix: `set it to ${JSON.stringify(ours.when)}` }];
    });
}

export function checkVsCode(editor: Editor, { folder, keys }: CodePlaces): readonly Finding[] {
  const launch = read([join(folder, 'launch.json')]);
  const tasks = read([join(folder, 'tasks.json')]);
  const bindings = read(keys);
  const findings = [...launch.findings, ...tasks.findings, ...bindings.findings];
  const shippedAddress = listeningAt(shippedValue(editor, 'tasks.json'));
  const address = listeningAt(tasks.value);
  if (tasks.value !== undefined && address === undefined) {
    const fix = `add the task that runs \`probelens dap --listen ${shippedAddress}\``;
    findings.push({ file: tasks.file, what: 'no task starts the adapter', fix });
  }
  if (launch.value !== undefined) {
    const expected = address ?? shippedAddress ?? '';
    const shipped = shippedValue(editor, 'launch.json');
    findings.push(...checkConfigurations(launch.file, launch.value, shipped, expected));
  }
  if (bindings.value !== undefined)
    findings.push(...checkKeys(bindings.file, bindings.value, shippedValue(editor, 'keybindings.json')));
  return findings;
}
