/** The order service as something that runs and must go on, whatever is done to it. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type OrdersReport, ordersReport, type Program } from './programs.js';
import type { Stage } from './stage.js';

export class Service {
  readonly process: ChildProcessWithoutNullStreams;
  readonly pid: number;
  output = '';
  readonly ended: Promise<void>;

  private constructor(process: ChildProcessWithoutNullStreams, pid: number) {
    this.process = process;
    this.pid = pid;
    this.process.stdout.on('data', (data: Buffer) => {
      this.output += data.toString();
    });
    this.ended = once(process, 'close').then(() => undefined);
  }

  static async start(stage: Stage, program: Program): Promise<Service> {
    const child = spawn(program.path, ['serve', '20000'], { env: { ...process.env, ...stage.env }, detached: true });
    if (child.pid === undefined) throw new Error('the order service did not start');
    const service = new Service(child, child.pid);
    stage.cleanup.add(() => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    });
    await once(child.stdout, 'data');
    return service;
  }

  /** Asks it to end in order; undefined when it was dead already or died without its report. */
  async finish(): Promise<OrdersReport | undefined> {
    if (this.process.exitCode === null && this.process.signalCode === null) this.process.kill('SIGTERM');
    await this.ended;
    return ordersReport(this.output);
  }
}
