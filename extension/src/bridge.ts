/**
 * The browser's half of the talk with the kernel; its twin is `lepton_lab/widgets/_bridge.py`.
 *
 * Two comms: on one the kernel answers requests, on the other it pushes events. They are two because a message that the
 * kernel sends on a comm from outside a handler makes ipykernel 7.4 hold that comm's next request back until the running
 * cell ends, where a page speaks on the shell channel.
 */
import type { Kernel } from '@jupyterlab/services';
import type { JSONObject } from '@lumino/coreutils';

import { ControlComm } from './control';
import { EMPTY, type Push, type Summary } from './state';
import type { Requests } from './tokens';

const REQUESTS = 'lepton_lab.requests';
const EVENTS = 'lepton_lab.events';
/** The kernel opens and closes a comm of this name when Lepton Lab has been loaded. */
export const HELLO = 'lepton_lab.hello';
/** How long after the kernel has taken the first request its answer may come, in milliseconds. */
const GRACE = 500;

interface Answer {
  id: string;
  result?: unknown;
  error?: string;
}

interface Waiting {
  resolve: (result: never) => void;
  reject: (error: Error) => void;
}

/** The kernel never got the request. */
class ConnectionLost extends Error {}

export class Bridge {
  /**
   * @param onSilence is called when nobody seems to answer, because Lepton Lab is not loaded. A kernel that was only slow
   * may answer later.
   * @param onEnd is called when the kernel ends the talk, because Lepton Lab was unloaded.
   */
  constructor(
    kernel: Kernel.IKernelConnection,
    private readonly _onPush: (push: Push) => void,
    private readonly _onSilence: () => void,
    private readonly _onEnd: () => void
  ) {
    this._requests = new ControlComm(
      kernel,
      REQUESTS,
      data => this._receive(data as Answer),
      () => this._end()
    );
    this._events = new ControlComm(kernel, EVENTS, data => !this._ended && this._onPush(data as Push));
  }

  /** Open both comms; resolves when the kernel answers and pushes: how things are, or null if the talk ended before. */
  async open(): Promise<Summary | null> {
    // the kernel's control channel passes over what nobody handles: only a request tells whether somebody is there
    await this._requests.open();
    const { answer, taken } = this._send('summary', {});
    let isAnswered = false;
    let summary = EMPTY.summary;
    taken.then(
      () => setTimeout(() => !isAnswered && !this._ended && this._onSilence(), GRACE),
      () => undefined // the answer fails as well
    );
    try {
      summary = await answer;
    } catch (error) {
      if (error instanceof ConnectionLost) {
        throw error;
      } // any other error is an answer
    }
    isAnswered = true;
    if (!this._ended) {
      await this._events.open();
    }
    return this._ended ? null : summary;
  }

  request<M extends keyof Requests>(
    method: M,
    params: Requests[M]['params']
  ): Promise<Requests[M]['result']> {
    return this._send(method, params).answer;
  }

  /** Leave the kernel alone; what is still waiting is rejected. */
  dispose(): void {
    this._ended = true;
    this._requests.dispose();
    this._events.dispose();
    this._rejectAll();
  }

  private _send<M extends keyof Requests>(
    method: M,
    params: Requests[M]['params']
  ): { answer: Promise<Requests[M]['result']>; taken: Promise<void> } {
    if (this._ended) {
      const gone = Promise.reject(new Error('The kernel is not connected.'));
      return { answer: gone, taken: gone };
    }
    const id = String(this._next++);
    const taken = this._requests.send({ id, method, params: params as JSONObject });
    const answer = new Promise<Requests[M]['result']>((resolve, reject) => {
      this._waiting.set(id, { resolve, reject });
      taken.catch((reason: unknown) => {
        this._waiting.delete(id);
        reject(new ConnectionLost(String(reason)));
      });
    });
    return { answer, taken };
  }

  private _receive({ id, result, error }: Answer): void {
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

  private readonly _requests: ControlComm;
  private readonly _events: ControlComm;
  private _waiting = new Map<string, Waiting>();
  private _next = 0;
  private _ended = false;
}
