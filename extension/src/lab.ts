import type { Kernel, KernelMessage } from '@jupyterlab/services';
import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

import { Bridge, HELLO } from './bridge';
import { busyAfter } from './busy';
import { newlyLost } from './losses';
import { EMPTY, type LabState, type OfferedLine, type Push, type Worker, apply } from './state';
import type { ILab, Phase, Requests } from './tokens';

/** Milliseconds until the next attempt after one that failed. */
const RETRY = 1000;

/** The lab in one kernel: connects when it can, and again after a restart, a reload or a lost connection. */
export class KernelLab implements ILab, IDisposable {
  constructor(private readonly _kernel: Kernel.IKernelConnection) {
    if (!_kernel.handleComms) {
      this._phase = 'elsewhere';
      return;
    }
    this._isBusy = _kernel.status !== 'idle';
    _kernel.registerCommTarget(HELLO, this._onHello);
    _kernel.iopubMessage.connect(this._onMessage, this);
    _kernel.statusChanged.connect(this._onStatus, this);
    _kernel.connectionStatusChanged.connect(this._onConnection, this);
    void this._connect();
  }

  get phase(): Phase {
    return this._phase;
  }

  get state(): LabState {
    return this._state;
  }

  get isBusy(): boolean {
    return this._isBusy;
  }

  /** Phase or state have changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The kernel offers a `%lepton` line. */
  get offered(): ISignal<this, OfferedLine> {
    return this._offered;
  }

  /** Workers were lost just now. */
  get lost(): ISignal<this, Worker[]> {
    return this._lost;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  request<M extends keyof Requests>(
    method: M,
    params: Requests[M]['params']
  ): Promise<Requests[M]['result']> {
    return this._bridge?.request(method, params) ?? Promise.reject(new Error('The kernel is not connected.'));
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._drop();
    if (!this._kernel.isDisposed && this._kernel.handleComms) {
      this._kernel.removeCommTarget(HELLO, this._onHello);
    }
    Signal.clearData(this);
  }

  private async _connect(): Promise<void> {
    this._drop();
    if (this._kernel.connectionStatus !== 'connected') {
      this._set('connecting');
      return; // comes again when it is
    }
    const attempt = this._attempt;
    const current = (): boolean => attempt === this._attempt && !this._isDisposed;
    this._set('connecting');
    try {
      // of the kernel's specification, because the kernel itself tells its language between cells only
      const language = (await this._kernel.spec)?.language;
      if (!current()) {
        return;
      }
      if (language !== 'python') {
        this._set('foreign');
        return;
      }
      const bridge = new Bridge(
        this._kernel,
        push => current() && this._receive(push),
        () => current() && this._set('unloaded'),
        () => current() && this._set('unloaded')
      );
      this._bridge = bridge;
      const data = await bridge.open();
      if (data && current()) {
        this._isBusy = data.is_busy;
        this._state = apply(this._state, { event: 'SummaryChanged', data });
        this._set('ready');
      }
    } catch (error) {
      // a restart or a lost connection cancels what is under way, and its end may have come before this
      if (current()) {
        console.warn('Lepton Lab could not reach the kernel, and tries again.', error);
        setTimeout(() => current() && void this._connect(), RETRY);
      }
    }
  }

  private _drop(): void {
    this._attempt += 1;
    this._bridge?.dispose();
    this._bridge = null;
    this._state = EMPTY;
  }

  private _receive(push: Push): void {
    if (push.event === 'LineOffered') {
      this._offered.emit(push.data);
      return;
    }
    const before = this._state.summary.cluster;
    this._state = apply(this._state, push);
    this._changed.emit();
    const lost = newlyLost(before, this._state.summary.cluster);
    if (lost.length > 0) {
      this._lost.emit(lost);
    }
  }

  private _set(phase: Phase): void {
    if (phase !== 'ready') {
      this._state = EMPTY;
    }
    this._phase = phase;
    this._changed.emit();
  }

  private _onHello = (): void => {
    if (this._phase !== 'ready') {
      void this._connect();
    }
  };

  private _onMessage(_: Kernel.IKernelConnection, message: KernelMessage.IIOPubMessage): void {
    const isBusy = busyAfter(this._isBusy, message, this._kernel.clientId);
    if (isBusy !== this._isBusy) {
      this._isBusy = isBusy;
      this._changed.emit();
    }
  }

  private _onStatus(_: Kernel.IKernelConnection, status: Kernel.Status): void {
    if (status === 'restarting' || status === 'autorestarting') {
      this._drop();
      this._restarting = true;
      this._isBusy = false; // what was under way is gone
      this._set('connecting');
    } else if (status === 'dead') {
      this._drop();
      this._set('gone');
    } else if (this._restarting && (status === 'idle' || status === 'busy')) {
      this._restarting = false;
      void this._connect();
    }
  }

  private _onConnection(_: Kernel.IKernelConnection, status: Kernel.ConnectionStatus): void {
    const isOpen = this._phase === 'connecting' || this._phase === 'unloaded';
    if (status === 'connected' && isOpen && !this._restarting) {
      void this._connect(); // what was asked on the lost line is never answered
    } else if (status === 'connected' && this._phase === 'ready') {
      // what was pushed while the line was down is lost
      this.request('summary', {}).then(
        data => this._receive({ event: 'SummaryChanged', data }),
        () => undefined // the next push mends it
      );
    }
  }

  private _phase: Phase = 'connecting';
  private _state: LabState = EMPTY;
  private _bridge: Bridge | null = null;
  private _attempt = 0;
  private _restarting = false;
  private _isBusy = false;
  private _isDisposed = false;
  private _changed = new Signal<this, void>(this);
  private _offered = new Signal<this, OfferedLine>(this);
  private _lost = new Signal<this, Worker[]>(this);
}
