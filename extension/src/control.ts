/**
 * Questions on the kernel's control channel, which answers while a cell runs.
 *
 * JupyterLab asks for a kernel's features on the shell channel. After a page reload in the middle of a long cell that
 * answer comes when the cell ends, and until then JupyterLab starts no subshell for a comm. To show a run's progress
 * again at once, and to be able to stop it, the same is asked here.
 */
import { type Kernel, KernelMessage } from '@jupyterlab/services';

/** How long the usual way may take before the other is tried, in milliseconds. */
const PATIENCE = 400;

/** The kernel's info, while a cell runs too. */
export function kernelInfo(kernel: Kernel.IKernelConnection): Promise<KernelMessage.IInfoReply> {
  const other = new Promise(resolve => setTimeout(resolve, PATIENCE)).then(() =>
    // the control channel has no queue: before there is a connection it throws
    kernel.isDisposed || kernel.connectionStatus !== 'connected'
      ? kernel.info
      : ask<KernelMessage.IInfoReply>(kernel, 'kernel_info_request')
  );
  return Promise.race([kernel.info, other]);
}

/** Have the comm's messages handled beside the running cell, where the kernel can do that. */
export async function useSubshell(kernel: Kernel.IKernelConnection, comm: Kernel.IComm): Promise<void> {
  // both members are JupyterLab's, but not in its interface; JupyterLab before 4.5 has neither
  const inner = comm as Kernel.IComm & { subshellStarted?: Promise<void>; _subshellId?: string | null };
  if (kernel.supportsSubshells) {
    await inner.subshellStarted;
    return;
  }
  const features = (await kernelInfo(kernel)).supported_features ?? [];
  if (features.includes('kernel subshells')) {
    const reply = await ask<{ subshell_id: string }>(kernel, 'create_subshell_request');
    inner._subshellId = reply.subshell_id;
  }
}

async function ask<T>(kernel: Kernel.IKernelConnection, msgType: string): Promise<T> {
  const message = KernelMessage.createMessage({
    msgType: msgType as 'create_subshell_request',
    channel: 'control',
    username: kernel.username,
    session: kernel.clientId,
    content: {}
  });
  const reply = await kernel.sendControlMessage(message, true, true).done;
  return reply?.content as unknown as T;
}
