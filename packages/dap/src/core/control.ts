/** What the language server asks through the control socket. */
import type { Input } from './input.js';
import { addProbe, removeProbe, view } from './probes.js';
import { timelineView } from './timeline.js';
import type { Turn } from './turn.js';

type Asked = Input & { readonly kind: `control-${string}` };

export const onControl = (turn: Turn, input: Asked): void => {
  const { ticket } = input;
  switch (input.kind) {
    case 'control-add':
      addProbe(turn, input.text, input.where, { kind: 'control', ticket });
      return;
    case 'control-remove':
      if (!removeProbe(turn, input.id, { kind: 'control', ticket }))
        turn.emit({ kind: 'control-refusal', ticket, message: `There is no probe ${input.id} in this session.` });
      return;
    case 'control-list':
      turn.emit({ kind: 'control-answer', ticket, probes: [...turn.state.asked.values()].map(view) });
      return;
    case 'control-timeline':
      turn.emit({ kind: 'control-timeline', ticket, timeline: timelineView(turn.state, input.goroutine) });
      return;
  }
};
