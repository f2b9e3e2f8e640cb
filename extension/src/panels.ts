import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, MainAreaWidget, Notification, WidgetTracker } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import { INotebookTracker } from '@jupyterlab/notebook';
import { UUID } from '@lumino/coreutils';
import type { DockLayout } from '@lumino/widgets';

import { activate } from './activate';
import { DockedPanel } from './dock';
import { leptonIcon } from './icon';
import { CATEGORY, CommandIDs, ILabs, STAY } from './tokens';

/** What the palette and the launcher offer, with what they call it; the kernel says what it has. */
const PANELS = {
  devices: 'Load of the devices',
  training: 'Training',
  tasks: "Dask's tasks",
  shards: 'Shards',
  compression: 'Compressed models',
  schedule: 'Plan of lab.map'
};

/** Docks live panels of a notebook's kernel in the main area. */
export const panels: JupyterFrontEndPlugin<void> = {
  id: 'lepton-lab:panels',
  description: "Docks the panels of a notebook's kernel.",
  autoStart: true,
  requires: [ILabs, INotebookTracker],
  optional: [ILabShell, ILayoutRestorer, ICommandPalette, ILauncher],
  activate: (
    app: JupyterFrontEnd,
    labs: ILabs,
    notebooks: INotebookTracker,
    labShell: ILabShell | null,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null,
    launcher: ILauncher | null
  ) => {
    const tracker = new WidgetTracker<MainAreaWidget<DockedPanel>>({ namespace: 'lepton-lab-panel' });
    const open = (name: string, path: string): MainAreaWidget<DockedPanel> => {
      const content = new DockedPanel(name, path, labs, notebooks, () => void tracker.save(widget));
      const widget = new MainAreaWidget({ content });
      widget.id = `lepton-lab-panel-${UUID.uuid4()}`;
      void tracker.add(widget);
      return widget;
    };
    /** Beside the notebook, or where another panel of it is. */
    const place = (path: string): { ref?: string; mode?: DockLayout.InsertMode } => {
      const sibling = tracker.find(({ content, isAttached }) => isAttached && content.path === path);
      const notebook = notebooks.find(panel => panel.context.path === path);
      return sibling ? { ref: sibling.id } : notebook ? { ref: notebook.id, mode: 'split-right' } : {};
    };
    app.commands.addCommand(CommandIDs.panel, {
      label: args => PANELS[args.name as keyof typeof PANELS] ?? 'Open a panel',
      caption: 'Open a live panel of the active notebook',
      icon: args => (args.isPalette ? undefined : leptonIcon),
      isEnabled: args => Boolean(args.path) || labs.current?.phase === 'ready',
      execute: args => {
        const name = String(args.name);
        const path = String(args.path ?? labs.notebook?.context.path ?? '');
        if (!path) {
          Notification.info('Panels belong to a notebook: open one that has loaded Lepton Lab.', {
            autoClose: STAY
          });
          return null;
        }
        const known = tracker.find(({ content }) => content.name === name && content.path === path);
        const widget = known ?? open(name, path);
        if (!known) {
          // Notebook 7 has one document in its main area, and room beside it
          app.shell.add(widget, labShell ? 'main' : 'right', { ...place(path), type: 'Lepton Lab' });
        }
        if (args.activate !== false) {
          void activate(app.shell, widget.id);
        }
        return widget;
      }
    });
    labs.changed.connect(() => app.commands.notifyCommandChanged(CommandIDs.panel));
    void restorer?.restore(tracker, {
      command: CommandIDs.panel,
      args: ({ content }) => ({ name: content.name, path: content.path, activate: false }),
      name: ({ content }) => `${content.name}:${content.path}`
    });
    Object.keys(PANELS).forEach((name, rank) => {
      palette?.addItem({ command: CommandIDs.panel, category: CATEGORY, args: { name, isPalette: true } });
      launcher?.add({ command: CommandIDs.panel, category: CATEGORY, args: { name }, rank });
    });
  }
};
