import { ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, ReactWidget } from '@jupyterlab/apputils';
import type { CommandRegistry } from '@lumino/commands';

import { leptonIcon } from './icon';
import { Cluster, Datasets, Devices, Exports, Models, Runs } from './sections';
import { CommandIDs, type ILab, ILabs } from './tokens';

/** The lab of the active notebook's kernel. */
class Sidebar extends ReactWidget {
  constructor(
    private readonly _labs: ILabs,
    private readonly _commands: CommandRegistry
  ) {
    super();
    this.id = 'lepton-lab-sidebar';
    this.addClass('lepton-Sidebar');
    this.title.icon = leptonIcon;
    this.title.caption = 'Lepton Lab';
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', 'Lepton Lab');
    _labs.changed.connect(() => this.update());
  }

  protected override render(): JSX.Element {
    const notebook = this._labs.notebook;
    return (
      <>
        <header className="lepton-Sidebar-header">
          <h2>Lepton Lab</h2>
          {notebook && <span title={notebook.context.path}>{notebook.title.label}</span>}
        </header>
        {notebook ? this._body(this._labs.current) : <Note>Open a notebook to see its lab here.</Note>}
      </>
    );
  }

  private _body(lab: ILab | null): JSX.Element {
    switch (lab?.phase) {
      case 'ready':
        return this._lab(lab);
      case 'unloaded':
        return (
          <Note>
            This notebook&rsquo;s kernel has not loaded Lepton Lab.
            <button
              className="lepton-Sidebar-button lepton-Sidebar-main"
              onClick={() => this._run(CommandIDs.load)}
            >
              Load Lepton Lab
            </button>
          </Note>
        );
      case 'foreign':
        return <Note>Lepton Lab needs a Python kernel.</Note>;
      case 'elsewhere':
        return <Note>This kernel is shared: its lab is shown beside the view that was opened first.</Note>;
      case 'connecting':
        return <Note>Waiting for the kernel&hellip;</Note>;
      default:
        return (
          <Note>{this._isComing() ? 'The kernel is starting\u2026' : 'This notebook has no kernel.'}</Note>
        );
    }
  }

  private _lab(lab: ILab): JSX.Element {
    const line = (text: string): void => this._run(CommandIDs.line, { line: text });
    const { summary, loads, progress } = lab.state;
    const stop = (run: string): Promise<unknown> => lab.request('stop', { run });
    const key = this._labs.notebook?.id;
    return (
      <div className="lepton-Sidebar-sections" key={key}>
        <Cluster
          cluster={summary.cluster}
          loads={loads}
          start={() => this._run(CommandIDs.startCluster)}
          line={line}
        />
        <Runs runs={summary.runs} progress={progress} stop={stop} />
        <Devices devices={summary.devices} line={line} />
        <Datasets datasets={summary.datasets} line={line} />
        <Models models={summary.models} line={line} />
        <Exports exports={summary.exports} line={line} />
      </div>
    );
  }

  private _isComing(): boolean {
    return this._labs.notebook?.sessionContext.hasNoKernel === false;
  }

  private _run(command: string, args: Record<string, string> = {}): void {
    void this._commands.execute(command, args);
  }
}

function Note(props: { children: React.ReactNode }): JSX.Element {
  return (
    <div className="lepton-Sidebar-note" role="status">
      {props.children}
    </div>
  );
}

/** Shows the lab in the left area. */
export const sidebar: JupyterFrontEndPlugin<void> = {
  id: 'lepton-lab:sidebar',
  description: "Shows the lab of the active notebook's kernel.",
  autoStart: true,
  requires: [ILabs],
  optional: [ILayoutRestorer, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    labs: ILabs,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null
  ) => {
    const widget = new Sidebar(labs, app.commands);
    app.shell.add(widget, 'left', { rank: 700, type: 'Lepton Lab' });
    restorer?.add(widget, widget.id);
    app.commands.addCommand(CommandIDs.show, {
      label: 'Show Lepton Lab',
      icon: leptonIcon,
      execute: () => app.shell.activateById(widget.id)
    });
    palette?.addItem({ command: CommandIDs.show, category: 'Lepton Lab' });
  }
};
