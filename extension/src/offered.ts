import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';

import { insertBelow } from './notebook';
import { ILabs } from './tokens';

/** Writes the lines that widgets and panels offer into their notebook. */
export const offered: JupyterFrontEndPlugin<void> = {
  id: 'lepton-lab:offered',
  description: 'Writes offered lines into the notebook.',
  autoStart: true,
  requires: [ILabs],
  activate: (_: JupyterFrontEnd, labs: ILabs) => {
    labs.offered.connect((_, { notebook, line }) => {
      // every page of the kernel hears it: the one where it was clicked is the one to be seen
      if (document.visibilityState === 'visible') {
        insertBelow(notebook, line);
      }
    });
  }
};
