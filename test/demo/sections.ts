/** The demo's headings in their order, and which of them the picture in the README shows. */
export const sections = {
  binary: 'What the binary says',
  condition: 'A condition in hot code: orders, our order service',
  cost: 'What a hit costs that does not match',
  log: 'A log message in hot code',
  timeline: 'What the goroutine did around the bug',
  real: 'A condition in hot code: esbuild, 16 MB, from the Go module proxy',
  realCost: 'What a hit costs there',
  concurrency: 'Four goroutines at once: no hit is lost',
  endings: 'A running service survives every ending of a session',
  source: 'From the source: "probe this function"',
  refusals: 'What it says when it cannot',
  result: 'Result',
} as const;

export const pictured: readonly string[] = [
  sections.condition,
  sections.cost,
  sections.log,
  sections.timeline,
  sections.result,
];
