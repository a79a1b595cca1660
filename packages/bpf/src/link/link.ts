import { objectId } from '../program.js';
import { closeDescriptor } from '../syscall.js';

/** A program attached to something. The kernel detaches it when the link is closed or its process dies. */
export interface Link {
  /** What it is attached to, for messages: "uprobe_multi /usr/bin/app (3 sites)". */
  readonly description: string;
  /** The kernel's id as `bpftool link` shows it; undefined for attachments that are no BPF link (perf ioctl). */
  readonly id: number | undefined;
  readonly closed: boolean;
  /** Detaches. May be called again. */
  close(): void;
}

/** A link that is one or more descriptors; closing the last reference detaches. Closed in reverse order. */
export class DescriptorLink implements Link {
  #fds: readonly number[];
  #id: number | undefined;

  constructor(
    readonly description: string,
    fds: readonly number[],
    private readonly linkFd?: number,
  ) {
    this.#fds = fds;
  }

  get id(): number | undefined {
    if (this.#id === undefined && this.linkFd !== undefined && !this.closed) {
      this.#id = objectId(this.linkFd, this.description);
    }
    return this.#id;
  }

  get closed(): boolean {
    return this.#fds.length === 0;
  }

  close(): void {
    for (const fd of this.release().toReversed()) closeDescriptor(fd);
  }

  /** The descriptors, which are the caller's to close from now on, last one first. */
  release(): readonly number[] {
    const fds = this.#fds;
    this.#fds = [];
    return fds;
  }
}
