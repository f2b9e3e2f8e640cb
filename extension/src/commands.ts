import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';

import { LOAD, runFirst } from './notebook';
import { runLine } from './run';
import { CATEGORY, CommandIDs, ILabs, ISettings } from './tokens';

/** Lines that the palette offers, by what they are called there. */
const PALETTE = {
  'Stop cluster': '%lepton cluster down',
  'Load data…': '%lepton ui data load',
  'Shard data…': '%lepton ui data shard',
  'Train…': '%lepton ui train',
  'Evaluate…': '%lepton ui evaluate',
  'Compress…': '%lepton ui compress',
  'Export…': '%lepton ui export',
  'All forms…': '%lepton ui',
  'Show status': '%lepton status'
};

/** The commands that stand for a `%lepton` line: each click can be read and run again. */
export const commands: JupyterFrontEndPlugin<void> = {
  id: 'lepton-lab:commands',
  description: 'Adds the commands of Lepton Lab.',
  autoStart: true,
  requires: [ILabs, ISettings],
  optional: [ICommandPalette],
  activate: (app: JupyterFrontEnd, labs: ILabs, settings: ISettings, palette: ICommandPalette | null) => {
    const isReady = (): boolean => labs.current?.phase === 'ready';
    app.commands.addCommand(CommandIDs.load, {
      label: 'Load Lepton Lab',
      caption: 'Load Lepton Lab into the kernel of the active notebook',
      isEnabled: () => labs.current?.phase === 'unloaded',
      execute: () => labs.notebook && runFirst(labs.notebook, LOAD)
    });
    app.commands.addCommand(CommandIDs.line, {
      label: args => String(args.label ?? 'Run a %lepton line'),
      caption: args => String(args.line ?? ''),
      isEnabled: isReady,
      execute: args => {
        const { notebook, current } = labs;
        return notebook && current
          ? runLine(notebook, current, String(args.line), settings.values.writeCells)
          : false;
      }
    });
    app.commands.addCommand(CommandIDs.startCluster, {
      label: 'Start cluster',
      caption: 'Start workers on this machine',
      isEnabled: () => isReady() && labs.current?.state.summary.cluster.state === 'down',
      execute: () => app.commands.execute(CommandIDs.line, { line: '%lepton cluster up' })
    });
    labs.changed.connect(() => {
      for (const id of [CommandIDs.load, CommandIDs.line, CommandIDs.startCluster]) {
        app.commands.notifyCommandChanged(id);
      }
    });
    palette?.addItem({ command: CommandIDs.load, category: CATEGORY });
    palette?.addItem({ command: CommandIDs.startCluster, category: CATEGORY });
    for (const [label, line] of Object.entries(PALETTE)) {
      palette?.addItem({ command: CommandIDs.line, category: CATEGORY, args: { label, line } });
    }
  }
};
