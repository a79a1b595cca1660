/** Why Delve has a breakpoint, as one sentence of the breakpoint's message. */

/** Refusals that already say where it stays would say it twice. */
const staysThere =
  /[;,] (?:it|they|the breakpoint|the condition|breakpoints on them|the breakpoint on it) stays? with (?:the debugger|it|Delve)(?=\.?$)/;

/** Words that begin sentences; what else begins with a capital letter may be a name of the program's. */
const opener = /^(?:A|An|At|Delve|Goroutines|Inlined|It|Line|No|Of|On|Only|Probes|The|There|This|What)(?= )/;

const lowered = (text: string): string =>
  text.replace(opener, (word) => (word === 'Delve' ? word : word.toLowerCase()));

/** "In Delve, because ...": for a sentence of the planner, the agent or the session. */
export const delveReason = (message: string): string => {
  const text = message.trim().replace(staysThere, '');
  return `In Delve: ${lowered(text)}${/[.?!]$/.test(text) ? '' : '.'}`;
};
