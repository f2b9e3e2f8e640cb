/**
 * The browser's half of the talk with the kernel; its twin is `lepton_lab/widgets/_bridge.py`.
 *
 * Two comms: on one the kernel answers requests, on the other it pushes events. They are two because a message that the
 * kernel sends on a comm from outside a handler makes ipykernel 7.4 hold that comm's next request back until the running
 * cell ends. Both are opened on a subshell where the kernel has them, so that they work while a cell runs; the comm has to
 * know its subshell before it is opened, else the opening itself waits for the cell.
 */
import type { Kernel, KernelMessage } from '@jupyterlab/services';
import type { JSONObject } from '@lumino/coreutils';

import { useSubshell } from './control';
import type { Push } from './state';
import type { Requests } from './tokens';

const REQUESTS = 'lepton_lab.requests';
const EVENTS = 'lepton_lab.events';
/** The kernel opens and closes a comm of this name when Lepton Lab has been loaded. */
export const HELLO = 'lepton_lab.hello';

interface Answer {
  id: string;
  result?: unknown;
  error?: string;
}

interface Waiting {
  resolve: (result: never) => void;
  reject: (error: Error) => void;
}

export class Bridge {
  /** @param onEnd is called when the kernel ends the talk, because Lepton Lab was unloaded. */
  constructor(
    private readonly _kernel: Kernel.IKernelConnection,
    private readonly _onPush: (push: Push) => void,
    private readonly _onEnd: () => void
  ) {}

  /** Open both comms; false if the kernel has not loaded Lepton Lab. */
  async open(): Promise<boolean> {
    const requests = await this._create(REQUESTS);
    const events = await this._create(EVENTS);
    requests.onMsg = message => this._receive(message);
    requests.onClose = () => this._end();
    events.onMsg = message => {
      if (!this._ended) {
        this._onPush(message.content.data as unknown as Push);
      }
    };
    this._comms = [requests, events];
    // an unknown target is closed by the kernel before it is idle again
    await requests.open().done;
    if (this._ended) {
      return false;
    }
    await events.open().done;
    return !this._ended;
  }

  request<M extends keyof Requests>(
    method: M,
    params: Requests[M]['params']
  ): Promise<Requests[M]['result']> {
    const comm = this._comms[0];
    if (!comm || comm.isDisposed || this._ended) {
      return Promise.reject(new Error('The kernel is not connected.'));
    }
    const id = String(this._next++);
    return new Promise((resolve, reject) => {
      this._waiting.set(id, { resolve, reject });
      comm.send({ id, method, params: params as JSONObject });
    });
  }

  /** Leave the kernel alone; what is still waiting is rejected. */
  dispose(): void {
    this._ended = true;
    for (const comm of this._comms) {
      if (!comm.isDisposed && !this._kernel.isDisposed && this._kernel.status !== 'dead') {
        void comm.close().done.catch(() => undefined); // a kernel that went needs no farewell
      }
    }
    this._rejectAll();
  }

  private async _create(target: string): Promise<Kernel.IComm> {
    const comm = this._kernel.createComm(target);
    await useSubshell(this._kernel, comm);
    return comm;
  }

  private _receive(message: KernelMessage.ICommMsgMsg): void {
    const { id, result, error } = message.content.data as unknown as Answer;
    const waiting = this._waiting.get(id);
    this._waiting.delete(id);
    if (error !== undefined) {
      waiting?.reject(new Error(error));
    } else {
      waiting?.resolve(result as never);
    }
  }

  private _end(): void {
    if (!this._ended) {
      this._ended = true;
      this._rejectAll();
      this._onEnd();
    }
  }

  private _rejectAll(): void {
    const waiting = [...this._waiting.values()];
    this._waiting.clear();
    for (const { reject } of waiting) {
      reject(new Error('The kernel went before it answered.'));
    }
  }

  private _comms: Kernel.IComm[] = [];
  private _waiting = new Map<string, Waiting>();
  private _next = 0;
  private _ended = false;
}
