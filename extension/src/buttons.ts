import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker } from '@jupyterlab/notebook';

import { runBeside } from './run';
import { ILabs } from './tokens';

/**
 * Buttons in a cell's output that stand for a `%lepton` line, `<button data-lepton-line="...">`: the kernel runs it beside
 * the cell. They are plain HTML, so that they work where widgets wait for the cell. JupyterLab takes them out of outputs
 * that it doesn't trust.
 */
export const buttons: JupyterFrontEndPlugin<void> = {
  id: 'lepton-lab:buttons',
  description: 'Runs the lines that buttons in outputs stand for.',
  autoStart: true,
  requires: [ILabs, INotebookTracker],
  activate: (_: JupyterFrontEnd, labs: ILabs, tracker: INotebookTracker) => {
    document.addEventListener('click', event => {
      const button = (event.target as Element).closest<HTMLButtonElement>('button[data-lepton-line]');
      const panel = button && tracker.find(({ node }) => node.contains(button));
      const lab = panel && labs.of(panel);
      if (!lab || button.ariaDisabled === 'true') {
        return;
      }
      button.ariaDisabled = 'true';
      void runBeside(panel, lab, button.dataset.leptonLine ?? '').finally(() => (button.ariaDisabled = null));
    });
  }
};
