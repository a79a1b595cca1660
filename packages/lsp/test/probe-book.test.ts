import type { ControlProbe } from '@probelens/probes/control';
import { beforeEach, describe, expect, test } from 'vitest';
import { ProbeBook } from '../src/session/probe-book.js';

const probe = (id: number, text: string, more: Partial<ControlProbe> = {}): ControlProbe => ({
  id,
  text,
  function: undefined,
  state: 'armed',
  hits: 0,
  ...more,
});

describe('the book of probes', () => {
  let book: ProbeBook;
  beforeEach(() => {
    book = new ProbeBook();
  });

  test('knows nothing of a function that nobody asked for', () => {
    expect(book.status('main.price')).toBeUndefined();
  });

  test('what is wanted waits until a session has it', () => {
    book.want({ text: 'main.price do count', symbol: 'main.price' });
    expect(book.status('main.price')).toMatchObject({ state: 'waiting', hits: 0 });
    book.openSession('s', []);
    expect(book.missing('s').map(({ text }) => text)).toEqual(['main.price do count']);
    book.update('s', [probe(1, 'main.price do count', { function: 'main.price', hits: 5 })]);
    expect(book.missing('s')).toEqual([]);
    expect(book.status('main.price')).toMatchObject({ state: 'armed', hits: 5 });
    book.closeSession('s');
    expect(book.status('main.price')).toMatchObject({ state: 'waiting' });
  });

  test('hits of all sessions and all instantiations add up', () => {
    book.openSession('a', [
      probe(1, 'x', { function: 'main.Map[go.shape.int]', hits: 2 }),
      probe(2, 'y', { function: 'main.Map[go.shape.string]', hits: 3 }),
    ]);
    book.openSession('b', [probe(1, 'z', { function: 'main.Map[go.shape.int]', hits: 4 })]);
    expect(book.status('main.Map')?.hits).toBe(9);
  });

  test('a probe that the session set nowhere belongs to the function in its text', () => {
    book.openSession('s', [
      probe(1, 'main.notional inlined do count', { state: 'failed', message: 'No site.' }),
      probe(2, 'orders.go:31 do stop'),
      probe(3, 'not a probe at all ('),
    ]);
    expect(book.status('main.notional')).toEqual({ state: 'failed', hits: 0, message: 'No site.' });
    expect(book.listed().length).toBe(3);
  });

  test('what was removed is gone, and news of unknown sessions are nothing', () => {
    book.openSession('s', [probe(1, 'main.price do count', { function: 'main.price' })]);
    book.update('s', [probe(1, 'main.price do count', { state: 'removed' })]);
    book.update('other', [probe(2, 'main.price do count', { function: 'main.price' })]);
    expect(book.status('main.price')).toBeUndefined();
    expect(book.listed()).toEqual([]);
  });

  test('a text taken back is not wanted any more', () => {
    book.want({ text: 'main.price do count', symbol: 'main.price' });
    expect(book.unwant('main.price')).toEqual(['main.price do count']);
    expect(book.status('main.price')).toBeUndefined();
    expect(book.unwant('main.price')).toEqual([]);
  });
});
