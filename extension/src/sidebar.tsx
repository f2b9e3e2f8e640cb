import { ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, ReactWidget } from '@jupyterlab/apputils';
import type { CommandRegistry } from '@lumino/commands';
import type { Message } from '@lumino/messaging';

import { activate } from './activate';
import { leptonIcon } from './icon';
import { KeepFocus } from './keepFocus';
import { Cluster } from './sections/cluster';
import { Devices } from './sections/devices';
import { type Actions, Button } from './sections/parts';
import { Runs } from './sections/runs';
import { Datasets, Exports, Models } from './sections/things';
import { CATEGORY, CommandIDs, type ILab, ILabs, ISettings } from './tokens';

/** The lab of the active notebook's kernel. */
class Sidebar extends ReactWidget {
  constructor(
    private readonly _labs: ILabs,
    private readonly _settings: ISettings,
    private readonly _commands: CommandRegistry
  ) {
    super();
    this.id = 'lepton-lab-sidebar';
    this.addClass('lepton-Sidebar');
    this.title.icon = leptonIcon;
    this.title.caption = 'Lepton Lab';
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', 'Lepton Lab');
    this.node.tabIndex = -1;
    _labs.changed.connect(() => this.update());
    _settings.changed.connect(() => this.update());
    this._actions = {
      run: line => _commands.execute(CommandIDs.line, { line }) as Promise<boolean>,
      panel: name => void _commands.execute(CommandIDs.panel, { name })
    };
  }

  protected override onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    this.node.focus();
  }

  protected override render(): JSX.Element {
    const notebook = this._labs.notebook;
    return (
      <KeepFocus>
        <div className="lepton-Sidebar-header">
          <h2>Lepton Lab</h2>
          {notebook && <span title={notebook.context.path}>{notebook.title.label}</span>}
        </div>
        {notebook ? this._body(this._labs.current) : <Note>Open a notebook to see its lab here.</Note>}
      </KeepFocus>
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
            <Button isMain onClick={() => void this._commands.execute(CommandIDs.load)}>
              Load Lepton Lab
            </Button>
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
    const { summary, loads, progress } = lab.state;
    const actions = this._actions;
    return (
      <div className="lepton-Sidebar-sections" key={this._labs.notebook?.id}>
        <Cluster summary={summary} loads={loads} workers={this._settings.values.workers} actions={actions} />
        <Runs runs={summary.runs} progress={progress} panels={summary.panels} actions={actions} />
        <Devices summary={summary} loads={loads} actions={actions} />
        <Datasets summary={summary} actions={actions} />
        <Models summary={summary} actions={actions} />
        <Exports summary={summary} actions={actions} />
      </div>
    );
  }

  private _isComing(): boolean {
    return this._labs.notebook?.sessionContext.hasNoKernel === false;
  }

  private readonly _actions: Actions;
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
  requires: [ILabs, ISettings],
  optional: [ILayoutRestorer, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    labs: ILabs,
    settings: ISettings,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null
  ) => {
    const widget = new Sidebar(labs, settings, app.commands);
    app.shell.add(widget, 'left', { rank: 700, type: 'Lepton Lab' });
    restorer?.add(widget, widget.id);
    app.commands.addCommand(CommandIDs.show, {
      label: 'Show Lepton Lab',
      icon: leptonIcon,
      execute: () => activate(app.shell, widget.id)
    });
    palette?.addItem({ command: CommandIDs.show, category: CATEGORY });
  }
};
