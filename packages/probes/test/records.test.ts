/** Records on their way from the agent to whoever looks at them. */
import { PassThrough, Readable, Writable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMessageConnection } from 'vscode-jsonrpc/node';
import { DrainRequest, RecordsNotification } from '../src/agent/protocol.js';
import { Inflow } from '../src/client/inflow.js';
import { RecordedEvents } from '../src/client/recorded-event.js';
import { messageReader, messageWriter } from '../src/messages.js';
import type { PlannedCapture } from '../src/plan/plan.js';

const id: PlannedCapture = {
  name: 'id',
  typeName: 'int',
  shape: { kind: 'integer', signed: true, width: 8 },
  value: { kind: 'register', register: 'rax' },
  length: undefined,
};

/** Header of the ring, then probe, number and the captured integer; the rest is zero. */
const record = (probe: number, number: number, value: bigint, discarded = false): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(8 + 64);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 64 | (discarded ? 0x40000000 : 0), true);
  view.setUint32(8, probe, true);
  view.setBigUint64(16, BigInt(number), true);
  view.setBigInt64(8 + 56, value, true);
  return bytes;
};

const known = (): RecordedEvents => {
  const recorded = new RecordedEvents();
  recorded.add({ probe: 7, captures: [id], stackSites: undefined });
  return recorded;
};

const recordsMessage = (bytes: Uint8Array) => ({
  jsonrpc: '2.0',
  method: RecordsNotification.method,
  params: { bytes },
});

describe('records', () => {
  it('are events of the probes that are known, without discarded ones', () => {
    const bytes = Buffer.concat([record(7, 1, -5n), record(7, 2, 1n, true), record(8, 1, 2n), record(7, 3, 2n ** 62n)]);
    const events = known().read(bytes);
    expect(events.map(({ probe, number, values }) => [probe, number, values[0]?.text])).toEqual([
      [7, 1, '-5'],
      [7, 3, String(2n ** 62n)],
    ]);
    const recorded = known();
    recorded.remove(7);
    expect(recorded.read(bytes)).toEqual([]);
  });

  it('that are cut short or are none at all give no event that is not whole', () => {
    const whole = Buffer.concat([record(7, 1, 1n), record(7, 2, 2n)]);
    for (let length = 0; length <= whole.length; length++)
      expect(known().read(whole.subarray(0, length)).length).toBe(Math.floor(length / 72));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        for (const event of known().read(bytes)) expect(event.values).toHaveLength(1);
      }),
    );
  });

  it('travel as they are between messages, in order', async () => {
    const wire = new PassThrough();
    let came = 0;
    const sender = createMessageConnection(messageReader(new Readable({ read: () => undefined })), messageWriter(wire));
    const receiver = createMessageConnection(
      messageReader(wire, (bytes) => {
        came += bytes;
      }),
      messageWriter(new PassThrough()),
    );
    const shown = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
    const seen: string[] = [];
    receiver.onNotification(RecordsNotification, ({ bytes }) => void seen.push(shown(bytes)));
    const drained = new Promise<void>((resolve) => {
      receiver.onRequest(DrainRequest, () => {
        seen.push('drain');
        resolve();
      });
    });
    sender.listen();
    receiver.listen();
    const batches = [record(7, 1, 1n), Buffer.concat(Array.from({ length: 2_000 }, () => record(7, 2, 2n)))];
    for (const bytes of batches) void sender.sendNotification(RecordsNotification, { bytes });
    const asked = sender.sendRequest(DrainRequest).catch(() => undefined);
    await drained;
    expect(seen).toEqual([...batches.map(shown), 'drain']);
    expect(came).toBe(72 * 2_001);
    sender.dispose();
    receiver.dispose();
    await asked;
  });

  it('leave with their header in one write, after those before them', async () => {
    const writes: string[][] = [];
    const wire = new Writable({
      writev: (chunks, written) => {
        writes.push(chunks.map(({ chunk }: { readonly chunk: Buffer }) => chunk.toString('latin1')));
        setImmediate(written);
      },
    });
    const writer = messageWriter(wire);
    const send = (text: string): Promise<void> => writer.write(recordsMessage(Buffer.from(text.padEnd(8), 'latin1')));
    await Promise.all([send('one'), send('two'), writer.write({ jsonrpc: '2.0' })]);
    // What is written while a write is under way waits for it, and goes together.
    expect(writes.flat()).toEqual([
      ...['one     ', 'two     '].flatMap((body) => ['Content-Length: 8\r\n\r\n', body]),
      'Content-Length: 17\r\n\r\n',
      '{"jsonrpc":"2.0"}',
    ]);
    expect(writes[0]).toHaveLength(2);
  });

  it('that nobody takes any more are told to him who sent them', async () => {
    const wire = new Writable({ writev: (_, written) => written(new Error('the other end is gone')) });
    const writer = messageWriter(wire);
    const failures: string[] = [];
    writer.onError(([error]) => failures.push(error.message));
    const gone = new Promise<void>((resolve) => writer.onClose(resolve));
    await expect(writer.write(recordsMessage(record(7, 1, 1n)))).rejects.toThrow('the other end is gone');
    await gone;
    expect(new Set(failures)).toEqual(new Set(['the other end is gone']));
  });

  it('wait within bounds: the stream rests above the limit and goes on below half of it', () => {
    const stream = new Readable({ read: () => undefined });
    stream.resume();
    const inflow = new Inflow(stream, 100);
    inflow.came(100);
    expect(stream.isPaused()).toBe(false);
    inflow.came(1);
    expect(stream.isPaused()).toBe(true);
    inflow.handled(50);
    expect(stream.isPaused()).toBe(true);
    inflow.handled(1);
    expect(stream.isPaused()).toBe(false);
    inflow.came(1_000);
    expect(stream.isPaused()).toBe(true);
    inflow.open();
    inflow.came(1_000);
    expect(stream.isPaused()).toBe(false);
  });
});
