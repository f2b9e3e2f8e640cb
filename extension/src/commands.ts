import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';

import { LOAD, runBelow, runFirst } from './notebook';
import { CommandIDs, ILabs } from './tokens';

const CATEGORY = 'Lepton Lab';

/** The commands that write a `%lepton` line into the notebook: each click can be read and run again. */
export const commands: JupyterFrontEndPlugin<void> = {
  id: 'lepton-lab:commands',
  description: 'Adds the commands of Lepton Lab.',
  autoStart: true,
  requires: [ILabs],
  optional: [ICommandPalette],
  activate: (app: JupyterFrontEnd, labs: ILabs, palette: ICommandPalette | null) => {
    const isReady = (): boolean => labs.current?.phase === 'ready';
    app.commands.addCommand(CommandIDs.load, {
      label: 'Load Lepton Lab',
      caption: 'Load Lepton Lab into the kernel of the active notebook',
      isEnabled: () => labs.current?.phase === 'unloaded',
      execute: () => labs.notebook && runFirst(labs.notebook, LOAD)
    });
    app.commands.addCommand(CommandIDs.line, {
      label: args => String(args.label ?? 'Run a %lepton line'),
      isEnabled: isReady,
      execute: args => labs.notebook && runBelow(labs.notebook, String(args.line))
    });
    app.commands.addCommand(CommandIDs.startCluster, {
      label: 'Start cluster',
      caption: 'Start workers on this machine',
      isEnabled: () => isReady() && labs.current?.state.summary.cluster.state === 'down',
      execute: () => app.commands.execute(CommandIDs.line, { line: '%lepton cluster up' })
    });
    labs.changed.connect(() => {
      for (const id of [CommandIDs.load, CommandIDs.startCluster]) {
        app.commands.notifyCommandChanged(id);
      }
    });
    palette?.addItem({ command: CommandIDs.load, category: CATEGORY });
    palette?.addItem({ command: CommandIDs.startCluster, category: CATEGORY });
  }
};
