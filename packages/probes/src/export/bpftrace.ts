/** A plan as a bpftrace script. */
import type { LoweredExpression } from '../plan/expression.js';
import type { PlannedCapture, PlannedSite, ProbePlan } from '../plan/plan.js';
import { formatProbeText } from '../spec/text.js';
import { expressionText, registerText, stringText } from './bpftrace-expression.js';
import { type Exported, exported, NotExportable, oneLine, requireUnswitched } from './exported.js';
import { mayFail } from './reads.js';

/** Non-PIE programs are linked here or above: no file offset reaches it, so the two cannot be mistaken. */
const usualBase = 0x400000;

/**
 * bpftrace takes a number as an address when a symbol covers it and as a file offset when none does, and refuses places
 * inside functions unless told --unsafe.
 */
const place = (site: PlannedSite): string => (Number(site.address) >= usualBase ? site.offset : site.address);

interface Shown {
  readonly format: string;
  readonly value: string | undefined;
}

const shown = (capture: PlannedCapture, goid: number | undefined): Shown => {
  const { name, shape, value, length } = capture;
  if (value === undefined) return { format: `${name}=?`, value: undefined };
  const text = expressionText(value, goid);
  switch (shape.kind) {
    case 'integer':
      return { format: `${name}=${shape.signed ? '%lld' : '%llu'}`, value: text };
    case 'bool':
      return { format: `${name}=%d`, value: text };
    case 'pointer':
      return { format: `${name}=0x%llx`, value: text };
    case 'string':
      if (length === undefined) return { format: `${name}=?`, value: undefined };
      return { format: `${name}=%s`, value: stringText(text, expressionText(length, goid)) };
    case 'float':
    case 'bytes':
    case 'structured':
    case 'unavailable':
      return { format: `${name}=?`, value: undefined };
  }
};

const literal = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"');

const printing = (plan: ProbePlan): string => {
  const parts = plan.captures.map((capture) => shown(capture, plan.goidOffset));
  const values = parts.flatMap((part) => (part.value === undefined ? [] : [`, ${part.value}`]));
  const names = parts.map((part) => literal(part.format.replace(/%(?!lld|llu|llx|d|s)/g, '%%'))).join(' ');
  return `printf("%llu %d ${names}\\n", nsecs, tid${values.join('')});`;
};

const scopeText = (plan: ProbePlan): string | undefined => {
  const { scope } = plan.spec;
  if (scope.kind === 'process') return undefined;
  const id = scope.kind === 'goroutine' ? scope.id : scope.kind === 'main' ? '1' : undefined;
  if (id === undefined || plan.goidOffset === undefined) throw new NotExportable('it knows no goroutines');
  return `( *(uint64 *)(${registerText('r14')} + ${plan.goidOffset})) == ${id}`;
};

const body = (plan: ProbePlan): string => {
  const { condition, goidOffset } = plan;
  const action = plan.spec.action.kind === 'count' ? '' : `\n    ${printing(plan)}`;
  const matched = `    @matches = count();${action}`;
  const scope = scopeText(plan);
  return within(scope, guarded(condition, goidOffset, matched));
};

const indented = (text: string): string => text.replace(/^/gm, '  ');

const within = (test: string | undefined, text: string): string =>
  test === undefined ? text : `    if (${test}) {\n${indented(text)}\n    }`;

/** Where a read fails, the condition holds nowhere, as in a trace. */
const guarded = (condition: LoweredExpression | undefined, goid: number | undefined, matched: string): string => {
  if (condition === undefined) return matched;
  const tested = within(expressionText(condition, goid), matched);
  const guard = mayFail(condition);
  return guard === undefined
    ? tested
    : `${within(expressionText(guard, goid), tested)} else {\n      @faults = count();\n    }`;
};

const readsMemory = ({ value, length }: PlannedCapture): boolean =>
  [value, length].some((each) => each !== undefined && mayFail(each) !== undefined);

/** The script; run it as root with `bpftrace --unsafe`. A value that cannot be read is printed as 0 there. */
export const exportBpftrace = (plan: ProbePlan): Exported =>
  exported('bpftrace', () => {
    if (plan.spec.action.kind === 'stop') throw new NotExportable('it cannot stop a program for a debugger');
    requireUnswitched(plan.spec);
    const { path } = plan.binary;
    if (/[\n":]/.test(path)) throw new NotExportable('the path of the program has characters that it takes apart');
    // Quotes keep blanks and commas together, not colons (bpftrace 0.17).
    const file = /[\s,]/.test(path) ? `"${path}"` : path;
    const sites = plan.sites.map((site) => `uprobe:${file}:${place(site)}`);
    const header = [
      '#!/usr/bin/env -S bpftrace --unsafe',
      `// ${oneLine(formatProbeText(plan.spec))}`,
      ...(plan.spec.action.kind !== 'count' && plan.captures.some(readsMemory)
        ? ['// What cannot be read, behind a nil pointer, is printed as 0.']
        : []),
      ...(plan.spec.rateLimit === undefined ? [] : ['// The limit of events a second is not part of this script.']),
    ];
    return `${header.join('\n')}\n${sites.join(',\n')}\n{\n    @hits = count();\n${body(plan)}\n}\n`;
  });
