import type { KernelMessage } from '@jupyterlab/services';

/**
 * Whether the kernel runs a cell, after a message on iopub.
 *
 * The kernel's status that JupyterLab tells is no help: it goes idle at the end of each comm message, too, those that are
 * handled beside a running cell included.
 *
 * @param before is what was known.
 * @param clientId is this page's: others ask for the kernel's info on the control channel, which tells nothing.
 */
export function busyAfter(before: boolean, message: KernelMessage.IIOPubMessage, clientId: string): boolean {
  if (message.header.msg_type !== 'status') {
    return before;
  }
  const state = (message as KernelMessage.IStatusMsg).content.execution_state;
  const parent = message.parent_header as Partial<KernelMessage.IHeader>;
  if (parent.msg_type === 'execute_request') {
    return state === 'busy';
  }
  // JupyterLab asks for it when a page connects, and it is answered between cells
  const isFree = parent.msg_type === 'kernel_info_request' && parent.session === clientId && state === 'idle';
  return isFree ? false : before;
}
