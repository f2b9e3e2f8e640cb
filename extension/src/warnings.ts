import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';

import { gathered } from './gathered';
import { lossOf } from './losses';
import { CommandIDs, ILabs, STAY } from './tokens';

/** Losses that are told one by one; a host that went may take many workers along. */
const MANY = 3;

/** Warns of workers that were lost: what they did is done again elsewhere, but a person may wonder why it takes longer. */
export const warnings: JupyterFrontEndPlugin<void> = {
  id: 'lepton-lab:warnings',
  description: 'Warns of workers that were lost.',
  autoStart: true,
  requires: [ILabs],
  activate: (app: JupyterFrontEnd, labs: ILabs) => {
    const warn = gathered<string>(losses => {
      const more = losses.length - MANY;
      Notification.warning(losses.slice(0, MANY).join('; ') + (more > 0 ? `; and ${more} more` : ''), {
        autoClose: STAY,
        actions: [{ label: 'Show workers', callback: () => void app.commands.execute(CommandIDs.show) }]
      });
    }, STAY); // so that there is never more than one at a time
    labs.lost.connect((_, { notebook, workers }) => {
      const where = notebook === labs.notebook ? '' : ` (${notebook.title.label})`;
      warn(workers.map(worker => lossOf(worker) + where));
    });
  }
};
