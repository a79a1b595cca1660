/** Helix: tables of ours merged into two files of the person. */
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Editor } from '../editor-files.js';
import { textOf } from './disk.js';
import type { Finding } from './finding.js';
import { type Fields, fieldsOf, listOf } from './jsonc.js';
import { isStartable } from './program.js';
import { parseToml } from './toml.js';

const shownValue = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value));

class Comparison {
  readonly findings: Finding[] = [];

  constructor(private readonly file: string) {}

  add(what: string, fix: string): void {
    this.findings.push({ file: this.file, what, fix });
  }

  /** Fields that have to be what is shipped. */
  same(place: string, theirs: Fields, ours: Fields, names: readonly string[]): void {
    for (const name of names) {
      const [their, our] = [theirs[name], ours[name]].map((value) => JSON.parse(JSON.stringify(value ?? null)));
      if (!isDeepStrictEqual(their, our))
        this.add(`${place} has ${name} = ${shownValue(theirs[name])}`, `set it to ${shownValue(ours[name])}`);
    }
  }

  program(place: string, table: Fields): void {
    const { command } = table;
    if (typeof command !== 'string')
      this.add(`${place} names no command`, 'set command = "probelens" or its real path');
    else if (!isStartable(command)) this.add(`${place} starts ${command}, which is no program`, 'name its real path');
  }
}

/** Their language "go", ours, and the rest of the file. */
const goOf = (document: Fields): Fields =>
  fieldsOf(listOf(document.language).find((language) => fieldsOf(language).name === 'go'));

function checkLanguages(check: Comparison, theirs: Fields, ours: Fields): void {
  const server = fieldsOf(fieldsOf(theirs['language-server']).probelens);
  check.same('[language-server.probelens]', server, fieldsOf(fieldsOf(ours['language-server']).probelens), ['args']);
  check.program('[language-server.probelens]', server);
  const [go, ourGo] = [goOf(theirs), goOf(ours)];
  const servers = listOf(go['language-servers']).map((entry) =>
    typeof entry === 'string' ? entry : fieldsOf(entry).name,
  );
  if (!servers.includes('probelens'))
    check.add('the language go does not use the server', 'add "probelens" to its language-servers, after "gopls"');
  const [adapter, ourAdapter] = [fieldsOf(go.debugger), fieldsOf(ourGo.debugger)];
  check.same('[language.debugger] of go', adapter, ourAdapter, ['name', 'transport', 'args']);
  check.program('[language.debugger] of go', adapter);
  for (const shipped of listOf(ourAdapter.templates).map(fieldsOf)) {
    const name = String(shipped.name);
    const found = listOf(adapter.templates).find((template) => fieldsOf(template).name === name);
    if (found === undefined) check.add(`the template "${name}" is missing`, 'copy it from `probelens init helix`');
    else check.same(`the template "${name}"`, fieldsOf(found), shipped, ['request', 'completion', 'args']);
  }
}

function checkKeys(check: Comparison, theirs: Fields, ours: Fields): void {
  const shipped = fieldsOf(fieldsOf(ours.keys).normal);
  check.same('[keys.normal]', fieldsOf(fieldsOf(theirs.keys).normal), shipped, Object.keys(shipped));
}

/** @param directory where languages.toml and config.toml are. */
export function checkHelix({ files }: Editor, directory: string): readonly Finding[] {
  return files.flatMap(({ name, text }) => {
    const file = join(directory, name);
    const check = new Comparison(file);
    const theirs = textOf(file);
    if (theirs === undefined) {
      check.add('is not there', `run \`probelens init helix\` and copy its ${name}`);
      return check.findings;
    }
    try {
      const document = parseToml(theirs);
      if (name === 'languages.toml') checkLanguages(check, document, parseToml(text));
      else checkKeys(check, document, parseToml(text));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      check.add(`cannot be read (${error.message})`, 'correct it; Helix does not read it either');
    }
    return check.findings;
  });
}
