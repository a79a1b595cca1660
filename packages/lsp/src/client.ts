/** What the server asks of its client, as far as the client said that it understands it. */
import {
  CodeLensRefreshRequest,
  ConfigurationRequest,
  type InitializeParams,
  InlayHintRefreshRequest,
  MessageType,
  type ProtocolConnection,
  PublishDiagnosticsNotification,
  type PublishDiagnosticsParams,
  ShowDocumentRequest,
  ShowMessageNotification,
  ShowMessageRequest,
  WorkDoneProgress,
  WorkDoneProgressCreateRequest,
} from 'vscode-languageserver/node';

export class Client {
  private progressCount = 0;

  constructor(
    private readonly connection: ProtocolConnection,
    private readonly params: InitializeParams,
  ) {}

  /** A client that went away does not answer; nobody is left to tell. */
  private tell(sent: Promise<unknown>): void {
    sent.catch(() => undefined);
  }

  say(type: MessageType, message: string): void {
    this.tell(this.connection.sendNotification(ShowMessageNotification.type, { type, message }));
  }

  get showsDocuments(): boolean {
    return this.params.capabilities.window?.showDocument?.support === true;
  }

  /** False where the client could not open it. */
  async showDocument(uri: string): Promise<boolean> {
    try {
      const { success } = await this.connection.sendRequest(ShowDocumentRequest.type, { uri, takeFocus: false });
      return success;
    } catch (error) {
      // Its own failure: the text is said in a message instead.
      if (!(error instanceof Error)) throw error;
      return false;
    }
  }

  /** Undefined when the person did not answer. */
  async ask(message: string, answers: readonly string[]): Promise<string | undefined> {
    const actions = answers.map((title) => ({ title }));
    const answer = await this.connection.sendRequest(ShowMessageRequest.type, {
      type: MessageType.Info,
      message,
      actions,
    });
    return answer?.title;
  }

  publish(params: PublishDiagnosticsParams): void {
    this.tell(this.connection.sendNotification(PublishDiagnosticsNotification.type, params));
  }

  /** Lenses and hints are asked for again by clients that can; the others ask after edits and commands. */
  refresh(): void {
    const { workspace } = this.params.capabilities;
    if (workspace?.codeLens?.refreshSupport) this.tell(this.connection.sendRequest(CodeLensRefreshRequest.type));
    if (workspace?.inlayHint?.refreshSupport) this.tell(this.connection.sendRequest(InlayHintRefreshRequest.type));
  }

  /** The section "probelens"; undefined where the client cannot be asked. */
  async configuration(): Promise<unknown> {
    if (!this.params.capabilities.workspace?.configuration) return undefined;
    const [section] = await this.connection.sendRequest(ConfigurationRequest.type, {
      items: [{ section: 'probelens' }],
    });
    return section ?? undefined;
  }

  /** Undefined where the client shows no progress. */
  async beginProgress(title: string): Promise<ProgressReport | undefined> {
    if (!this.params.capabilities.window?.workDoneProgress) return undefined;
    const token = `probelens-${process.pid}-${++this.progressCount}`;
    try {
      await this.connection.sendRequest(WorkDoneProgressCreateRequest.type, { token });
    } catch (error) {
      // It may refuse, and goes without.
      if (!(error instanceof Error)) throw error;
      return undefined;
    }
    const send = (value: Parameters<typeof this.sendProgress>[1]): void => this.sendProgress(token, value);
    send({ kind: 'begin', title, percentage: 0, cancellable: false });
    return {
      report: (percentage, message) => send({ kind: 'report', percentage, message }),
      end: () => send({ kind: 'end' }),
    };
  }

  private sendProgress(
    token: string,
    value:
      | { kind: 'begin'; title: string; percentage: number; cancellable: boolean }
      | { kind: 'report'; percentage: number; message: string }
      | { kind: 'end' },
  ): void {
    this.tell(this.connection.sendProgress(WorkDoneProgress.type, token, value));
  }
}

export interface ProgressReport {
  report(percentage: number, message: string): void;
  end(): void;
}
