/** What session tests share: one adapter for a file, private copies of programs, clients that are gone after each test. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { buildFixture, type FixtureOptions, privateCopy } from '../../../test/fixture-build.js';
import {
  connectClient,
  initializeArguments,
  startAdapter,
  type TestClient,
  type TestServer,
} from './session-client.js';

export class SessionStage {
  /** A directory of this test file's own, gone at its end. */
  readonly work: string;
  readonly #clients: TestClient[] = [];
  #server: TestServer | undefined;

  constructor(name: string, env: (work: string) => NodeJS.ProcessEnv = () => ({})) {
    this.work = mkdtempSync(join(tmpdir(), `dap-${name}-`));
    beforeAll(async () => {
      this.#server = await startAdapter(env(this.work));
    });
    afterEach(() => this.leaveAll());
    afterAll(async () => {
      const code = await this.#stop();
      rmSync(this.work, { recursive: true, force: true });
      expect(code).toBe(0);
    });
  }

  async #stop(): Promise<number> {
    // It did not start, which has been said.
    if (this.#server === undefined) return 0;
    const { child } = this.#server;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    const [code] = await exited;
    return code;
  }

  get server(): TestServer {
    if (this.#server === undefined) throw new Error('the adapter is started before the first test');
    return this.#server;
  }

  /** Kernel probes belong to the file: nobody else may have this one. */
  async program(name: string, options: FixtureOptions = {}): Promise<string> {
    return privateCopy(await buildFixture(name, options), this.work);
  }

  async connect(): Promise<TestClient> {
    const client = await connectClient(this.server.port);
    this.#clients.push(client);
    return client;
  }

  /** A client whose program waits for `configurationDone`. */
  async begin(command: 'launch' | 'attach', args: object, initialize: object = {}): Promise<TestClient> {
    const client = await this.connect();
    await client.ask('initialize', { ...initializeArguments, ...initialize });
    const begun = client.ask(command, args);
    // A start that fails brings no `initialized`.
    await Promise.race([client.next('initialized'), begun]);
    expect(await begun).toMatchObject({ success: true });
    return client;
  }

  launch(program: string, args: object = {}): Promise<TestClient> {
    return this.begin('launch', { mode: 'exec', program, ...args });
  }

  async leaveAll(): Promise<void> {
    await Promise.all(this.#clients.splice(0).map((client) => client.leave()));
  }
}
