import { DwarfError } from './dwarf-error.js';

/**
 * Steps (entries, list items, operations) that one question may cost. Crossed references in a hostile file can make
 * small sections expand without end; a real question about the largest Go binaries seen (a 50 MB one) takes under
 * 600,000 steps, nearly all of them to index one compile unit.
 */
const STEPS = 20_000_000;

export class WorkLimit {
  #left = STEPS;

  restart(): void {
    this.#left = STEPS;
  }

  spend(section: string, offset: number): void {
    this.#left -= 1;
    if (this.#left < 0) throw new DwarfError(section, offset, `is where the limit of ${STEPS} steps was reached`);
  }
}
