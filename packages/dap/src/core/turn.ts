/** One step in the making: the state so far and what was decided. Lives for a single call of `step`. */
import type { UserError } from '../errors.js';
import { newBreakpoint, nextClientSeq, nextDelveSeq } from './ids.js';
import { mannered } from './manners.js';
import type { Json, JsonObject, Message, Request, Response } from './message.js';
import type { Output } from './output.js';
import type { LaneWork } from './state/lane-work.js';
import type { Purpose } from './state/purpose.js';
import type { SessionState } from './state/state.js';

export class Turn {
  readonly outputs: Output[] = [];

  constructor(public state: SessionState) {}

  update(change: Partial<SessionState>): void {
    this.state = { ...this.state, ...change };
  }

  emit(output: Output): void {
    this.outputs.push(output);
  }

  ticket(): number {
    const tickets = this.state.tickets + 1;
    this.update({ tickets });
    return tickets;
  }

  breakpointId(): number {
    const [ids, id] = newBreakpoint(this.state.ids);
    this.update({ ids });
    return id;
  }

  /** The message as it is, in our numbering. */
  toClient(message: Message): void {
    const fit = mannered(message, this.state);
    if (fit === undefined) return;
    const [ids, seq] = nextClientSeq(this.state.ids);
    this.update({ ids });
    this.emit({ kind: 'to-client', message: { ...fit, seq } });
  }

  event(event: string, body?: Json): void {
    this.toClient(body === undefined ? { seq: 0, type: 'event', event } : { seq: 0, type: 'event', event, body });
  }

  answer(request: Request, body?: Json): void {
    const response: Response = {
      seq: 0,
      type: 'response',
      request_seq: request.seq,
      success: true,
      command: request.command,
    };
    this.toClient(body === undefined ? response : { ...response, body });
  }

  /** Delve's shape of an error: summary in `message`, "summary: detail" in `body.error.format`. */
  refuse(request: Request, error: UserError): void {
    this.toClient({
      seq: 0,
      type: 'response',
      request_seq: request.seq,
      success: false,
      command: request.command,
      message: error.message,
      body: { error: { id: error.id, format: error.message, showUser: error.showUser } },
    });
  }

  /** A line in the debug console. dap-mode shows only stdout and stderr (so `important` things go to stderr). */
  say(text: string, category: 'console' | 'stdout' | 'stderr' = 'console', more: JsonObject = {}): void {
    this.event('output', { category, output: `${text}\n`, ...more });
  }

  sayOnce(text: string, category: 'console' | 'stderr' = 'console'): void {
    if (this.state.said.has(text)) return;
    this.update({ said: new Set(this.state.said).add(text) });
    this.say(text, category);
  }

  toDelve(command: string, args: Json | undefined, purpose: Purpose): void {
    const [ids, seq] = nextDelveSeq(this.state.ids);
    this.update({ ids, pending: new Map(this.state.pending).set(seq, purpose) });
    const request: Request = { seq, type: 'request', command };
    this.emit({ kind: 'to-delve', message: args === undefined ? request : { ...request, arguments: args } });
  }

  forward(request: Request): void {
    this.toDelve(request.command, request.arguments, { kind: 'client', request });
  }

  /** Last in the lane; `step` starts it when its turn comes. */
  queue(work: LaneWork): void {
    this.update({ lane: { ...this.state.lane, queue: [...this.state.lane.queue, work] } });
  }

  /** A ticket whose answer belongs to the lane's active work. */
  laneTicket(): number {
    const ticket = this.ticket();
    this.update({ lane: { ...this.state.lane, ticket } });
    return ticket;
  }

  target(change: Partial<SessionState['target']>): void {
    this.update({ target: { ...this.state.target, ...change } });
  }

  kernel(change: Partial<SessionState['kernel']>): void {
    this.update({ kernel: { ...this.state.kernel, ...change } });
  }
}
