import type { JupyterFrontEnd } from '@jupyterlab/application';

/**
 * Bring a widget to the front and give it the focus.
 *
 * JupyterLab's palette, where that asked for it, gives the focus back to the notebook, which has it two frames later.
 */
export async function activate(shell: JupyterFrontEnd.IShell, id: string): Promise<void> {
  await nextFrame();
  await nextFrame();
  shell.activateById(id);
}

const nextFrame = (): Promise<number> => new Promise(requestAnimationFrame);
