/** A tracepoint as a bpftrace script. What a field is called and what it is, the kernel says (agent/sourceFields). */
import type { Parser } from 'web-tree-sitter';
import type { SourceFieldDescription } from '../agent/protocol.js';
import { goParser } from '../go-grammar.js';
import { Refused } from '../plan/refused.js';
import { lowerForSource } from '../plan/source-expressions.js';
import type { ProbeSpec } from '../spec/spec.js';
import { formatProbeText } from '../spec/text.js';
import { type EventNames, expressionText } from './bpftrace-expression.js';
import { type Exported, exported, NotExportable, oneLine, requireUnswitched } from './exported.js';

/** Texts in the record are compared as they are, addresses of texts are read, and texts of changing length have a place. */
const textOf = ({ name, typeName }: SourceFieldDescription): string =>
  /\[\d+\]$/.test(typeName) ? `args->${name}` : `str(args->${name})`;

const namesOf = (fields: readonly SourceFieldDescription[]): EventNames => {
  const known = (name: string): SourceFieldDescription => {
    const field = fields.find((each) => each.name === name);
    if (field === undefined) throw new NotExportable('it knows no length of a text');
    // Ours alone: which of two threads an event is of.
    if (field.typeName === 'bool' && ['coming', 'woken'].includes(name))
      throw new NotExportable(`it has no field ${name}; its event is that of the thread that runs`);
    return field;
  };
  return {
    number(name) {
      const { shape } = known(name);
      if (shape.kind !== 'integer') return `((uint64)args->${name})`;
      return `((${shape.signed ? '' : 'u'}int${shape.width * 8})args->${name})`;
    },
    text: (name) => textOf(known(name)),
  };
};

const literal = (text: string): string =>
  text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%').replaceAll('\n', '\\n');

const shown = (field: SourceFieldDescription, names: EventNames): readonly [format: string, value: string] => {
  if (field.shape.kind === 'string') return ['%s', names.text(field.name)];
  const isSigned = field.shape.kind === 'integer' && field.shape.signed;
  return [field.shape.kind === 'pointer' ? '0x%llx' : isSigned ? '%lld' : '%llu', names.number(field.name)];
};

/** bpftrace 0.17 passes some ten values to printf before its stack is full. */
const mostValues = 8;

const printing = (
  spec: ProbeSpec,
  fields: readonly SourceFieldDescription[],
  parser: Parser,
  names: EventNames,
): string => {
  const { action } = spec;
  const all = fields.filter(({ name, typeName }) => !(typeName === 'bool' && ['coming', 'woken'].includes(name)));
  const template =
    action.kind === 'log' && action.template !== undefined
      ? action.template
      : all
          .slice(0, mostValues)
          .map(({ name }) => `${name}={${name}}`)
          .join(' ');
  const { captures } = lowerForSource(
    parser,
    { ...spec, condition: undefined, action: { kind: 'log', template } },
    fields,
    false,
  );
  const values: string[] = [];
  const parts = template.split(/\{([^{}]*)\}/).map((part, index) => {
    if (index % 2 === 0) return literal(part);
    const hole = part.trim();
    const field = fields.find(({ name }) => name === hole);
    const computed = captures.find(({ name }) => name === hole)?.value;
    const [format, value] =
      field !== undefined ? shown(field, names) : ['%lld', computed && expressionText(computed, names)];
    if (value === undefined) throw new NotExportable(`it cannot show {${hole}}`);
    values.push(value);
    return format;
  });
  return `printf("%llu %d ${parts.join('')}\\n", nsecs, tid${values.map((value) => `, ${value}`).join('')});`;
};

/**
 * The script; run it as root with `bpftrace SCRIPT -c 'PROGRAM ARGUMENTS'`, or with a process id as its argument. `fields`:
 * `AgentClient.sourceFields`. Rejects with nothing: what cannot be had is a refusal.
 */
export const exportBpftraceEvent = async (
  spec: ProbeSpec,
  fields: readonly SourceFieldDescription[],
): Promise<Exported> => {
  const parser = await goParser();
  try {
    return exported('bpftrace', () => {
      const { target, action, scope } = spec;
      if (target.kind !== 'tracepoint') throw new NotExportable('only tracepoints are alike there');
      if (action.kind === 'stop' || action.kind === 'snapshot')
        throw new NotExportable(`it has nothing like ${action.kind}`);
      if (scope.kind !== 'process') throw new NotExportable('it knows no goroutines');
      requireUnswitched(spec);
      const names = namesOf(fields);
      const { condition } = lowerForSource(parser, { ...spec, action: { kind: 'count' } }, fields, false);
      const print = action.kind === 'count' ? [] : [`    ${printing(spec, fields, parser, names)}`];
      const matched = ['    @matches = count();', ...print];
      const body =
        condition === undefined
          ? matched
          : [`    if (${expressionText(condition, names)}) {`, ...matched.map((line) => `  ${line}`), '    }'];
      return [
        '#!/usr/bin/env bpftrace',
        `// ${oneLine(formatProbeText(spec))}`,
        '// Run it with -c "PROGRAM ARGUMENTS", or with a process id behind its name.',
        ...(spec.rateLimit === undefined ? [] : ['// The limit of events a second is not part of this script.']),
        `tracepoint:${target.category}:${target.name}`,
        '/pid == cpid || pid == $1/',
        '{',
        '    @hits = count();',
        ...body,
        '}',
        '',
      ].join('\n');
    });
  } catch (error) {
    if (error instanceof Refused) return { ok: false, refusal: { code: error.code, message: error.message } };
    throw error;
  } finally {
    parser.delete();
  }
};
