import type { Place } from '../api.js';

export interface Piece {
  readonly offset: number;
  readonly size: number;
  readonly place: Place | undefined;
}

export const OPTIMISED_AWAY = 'it was optimised away here';

export const absent = (reason: string): Place => ({ kind: 'absent', reason });

/** Whether `next` lies in memory right behind `previous`. */
const adjoins = (previous: Piece, next: Piece): boolean => {
  const [a, b] = [previous.place, next.place];
  if (a?.kind !== 'memory' || b?.kind !== 'memory') return false;
  return a.base === b.base && b.offset === a.offset + previous.size && next.offset === previous.offset + previous.size;
};

/**
 * Pieces as one place for a value of `size` bytes: neighbours in memory become one, a value that lies together is no
 * longer in pieces, and one of which nothing is left is absent.
 */
export const joinPieces = (pieces: readonly Piece[], size: number): Place => {
  const joined: Piece[] = [];
  for (const piece of pieces) {
    if (piece.size === 0) continue;
    const last = joined.at(-1);
    if (last !== undefined && adjoins(last, piece))
      joined[joined.length - 1] = { ...last, size: last.size + piece.size };
    else joined.push(piece);
  }
  const [first] = joined;
  if (first === undefined || joined.every(({ place }) => place === undefined)) return absent(OPTIMISED_AWAY);
  if (joined.length === 1 && first.offset === 0 && first.size >= size && first.place !== undefined) return first.place;
  return { kind: 'pieces', pieces: joined };
};
