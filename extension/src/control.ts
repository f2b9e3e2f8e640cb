/**
 * A comm whose messages go to the kernel on the control channel, which the kernel hears while a cell runs, with or
 * without subshells. The kernel's half registers handlers for them when Lepton Lab is loaded; what it answers arrives as
 * for any comm.
 *
 * JupyterLab's own comms always speak on the shell channel, and each target of theirs costs the kernel a subshell: that
 * is why this is not one of them.
 */
import { type Kernel, KernelMessage } from '@jupyterlab/services';
import { type JSONObject, UUID } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';

type CommMessage = 'comm_open' | 'comm_msg' | 'comm_close';

export class ControlComm implements IDisposable {
  /**
   * @param onMessage is called with what the kernel sends.
   * @param onClose is called when the kernel closes the comm.
   */
  constructor(
    private readonly _kernel: Kernel.IKernelConnection,
    private readonly _target: string,
    private readonly _onMessage: (data: unknown) => void,
    private readonly _onClose: () => void = () => undefined
  ) {
    _kernel.iopubMessage.connect(this._receive, this);
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Resolves when the kernel has handled it, which says nothing of whether it knows the target. */
  open(): Promise<void> {
    return this._tell('comm_open', { target_name: this._target, data: {} });
  }

  /** Resolves when the kernel has handled it. */
  send(data: JSONObject): Promise<void> {
    return this._tell('comm_msg', { data });
  }

  /** Close the comm; a kernel that went, or never answered, needs no farewell. */
  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._kernel.iopubMessage.disconnect(this._receive, this);
    if (this._isKnown && !this._kernel.isDisposed && this._kernel.connectionStatus === 'connected') {
      this._tell('comm_close', { data: {} }).catch(() => undefined);
    }
  }

  private async _tell(msgType: CommMessage, content: JSONObject): Promise<void> {
    const message = KernelMessage.createMessage({
      // JupyterLab's types know no comm on this channel
      msgType: msgType as 'debug_request',
      channel: 'control',
      username: this._kernel.username,
      session: this._kernel.clientId,
      content: { comm_id: this._id, ...content } as never
    });
    await this._kernel.sendControlMessage(message, false, true).done;
  }

  private _receive(_: Kernel.IKernelConnection, message: KernelMessage.IIOPubMessage): void {
    if (KernelMessage.isCommMsgMsg(message) && message.content.comm_id === this._id) {
      this._isKnown = true;
      this._onMessage(message.content.data);
    } else if (KernelMessage.isCommCloseMsg(message) && message.content.comm_id === this._id) {
      this._isKnown = false;
      this._onClose();
    }
  }

  private readonly _id = UUID.uuid4();
  private _isKnown = false;
  private _isDisposed = false;
}
