/** Texts that the client opens as documents: files of their own, which go with the server. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export class ShownTexts {
  private directory: string | undefined;
  private count = 0;

  /**
   * Absolute path of a new file: an editor that has the last one open would ask whether to read it again. Only the
   * user may read it (mkdtemp makes its directory with mode 0700). Undefined where nothing can be written.
   */
  write(text: string): string | undefined {
    try {
      this.directory ??= mkdtempSync(join(tmpdir(), 'probelens-texts-'));
      const path = join(this.directory, `timeline-${++this.count}.txt`);
      writeFileSync(path, `${text}\n`, { mode: 0o600, flag: 'wx' });
      return path;
    } catch (error) {
      // No room, or no temporary directory: a message does, too.
      if (error instanceof Error && 'code' in error) return undefined;
      throw error;
    }
  }

  dispose(): void {
    if (this.directory !== undefined) rmSync(this.directory, { recursive: true, force: true });
    this.directory = undefined;
  }
}
