/** At most one call in `interval` milliseconds: at once after a quiet time, and once more for what came meanwhile. */
export class Throttle {
  private timer: NodeJS.Timeout | undefined;
  private pending = false;

  constructor(
    private readonly interval: number,
    private readonly run: () => void,
  ) {}

  request(): void {
    if (this.timer !== undefined) {
      this.pending = true;
      return;
    }
    this.timer = setTimeout(() => this.onTimer(), this.interval);
    this.timer.unref();
    this.run();
  }

  private onTimer(): void {
    this.timer = undefined;
    if (!this.pending) return;
    this.pending = false;
    this.request();
  }

  dispose(): void {
    if (this.timer !== undefined) clearTimeout(this.timer);
    this.timer = undefined;
    this.pending = false;
  }
}
