import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';

import { insertBelow, record } from './notebook';
import { ILabs, ISettings } from './tokens';

/** Writes the lines that widgets and panels offer into their notebook. */
export const offered: JupyterFrontEndPlugin<void> = {
  id: 'lepton-lab:offered',
  description: 'Writes offered lines into the notebook.',
  autoStart: true,
  requires: [ILabs, ISettings],
  activate: (_: JupyterFrontEnd, labs: ILabs, settings: ISettings) => {
    labs.offered.connect((_, { notebook, line, result }) => {
      if (result && settings.values.writeCells) {
        record(notebook, line, result);
      } else if (!result && document.visibilityState === 'visible') {
        // every page of the kernel hears it: the one where it was clicked is the one to be seen
        insertBelow(notebook, line);
      }
    });
  }
};
