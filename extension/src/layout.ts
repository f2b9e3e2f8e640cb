import { ILabShell, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, type MainAreaWidget } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import type { DockLayout } from '@lumino/widgets';

import { leptonIcon } from './icon';
import { CATEGORY, CommandIDs, ILabs, ISettings } from './tokens';

interface Place {
  ref: string;
  mode: DockLayout.InsertMode;
}

/** Arranges the notebook on the left and its panels on the right, one below the other. */
export const layout: JupyterFrontEndPlugin<void> = {
  id: 'lepton-lab:layout',
  description: 'Arranges a notebook and its panels.',
  autoStart: true,
  requires: [ILabs, ISettings],
  optional: [ILabShell, ICommandPalette, ILauncher],
  activate: (
    app: JupyterFrontEnd,
    labs: ILabs,
    settings: ISettings,
    shell: ILabShell | null,
    palette: ICommandPalette | null,
    launcher: ILauncher | null
  ) => {
    if (!shell) {
      return; // there is nothing to arrange in Notebook 7
    }
    app.commands.addCommand(CommandIDs.layout, {
      label: 'Arrange notebook and panels',
      caption: 'The active notebook on the left, its panels on the right',
      icon: args => (args.isPalette ? undefined : leptonIcon),
      isEnabled: () => labs.current?.phase === 'ready',
      execute: async () => {
        const { notebook, current } = labs;
        if (!notebook || !current) {
          return;
        }
        shell.mode = 'multiple-document';
        const path = notebook.context.path;
        const names = settings.values.layout.filter(name => current.state.summary.panels.includes(name));
        let place: Place = { ref: notebook.id, mode: 'split-right' };
        for (const name of names) {
          const panel = { name, path, activate: false };
          const widget = (await app.commands.execute(CommandIDs.panel, panel)) as MainAreaWidget;
          shell.add(widget, 'main', { ...place, activate: false });
          place = { ref: widget.id, mode: 'split-bottom' };
        }
        shell.activateById(notebook.id);
      }
    });
    labs.changed.connect(() => app.commands.notifyCommandChanged(CommandIDs.layout));
    palette?.addItem({ command: CommandIDs.layout, category: CATEGORY, args: { isPalette: true } });
    launcher?.add({ command: CommandIDs.layout, category: CATEGORY, rank: 10 });
  }
};
