import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ReactWidget } from '@jupyterlab/apputils';
import { IStatusBar } from '@jupyterlab/statusbar';
import { Signal } from '@lumino/signaling';

import { glance } from './glance';
import { leptonIcon } from './icon';
import { CommandIDs, ILabs, ISettings } from './tokens';

class Glance extends ReactWidget {
  constructor(
    private readonly _labs: ILabs,
    private readonly _open: () => void
  ) {
    super();
    this.addClass('lepton-Status');
    _labs.changed.connect(() => this.update());
  }

  protected override render(): JSX.Element | null {
    const lab = this._labs.current;
    return lab?.phase === 'ready' ? (
      <button type="button" title="Show Lepton Lab" onClick={this._open}>
        <leptonIcon.react tag="span" height="14px" width="14px" aria-hidden />
        {glance(lab.state)}
      </button>
    ) : null;
  }
}

/** Shows workers, their load and the running run in the status bar. */
export const status: JupyterFrontEndPlugin<void> = {
  id: 'lepton-lab:status',
  description: 'Shows the lab at a glance in the status bar.',
  autoStart: true,
  requires: [ILabs, ISettings],
  optional: [IStatusBar],
  activate: (app: JupyterFrontEnd, labs: ILabs, settings: ISettings, bar: IStatusBar | null) => {
    const item = new Glance(labs, () => void app.commands.execute(CommandIDs.show));
    const changed = new Signal<Glance, void>(item);
    labs.changed.connect(() => changed.emit());
    settings.changed.connect(() => changed.emit());
    bar?.registerStatusItem('lepton-lab:status', {
      item,
      align: 'left',
      rank: 10,
      isActive: () => settings.values.statusBar && labs.current?.phase === 'ready',
      activeStateChanged: changed
    });
  }
};
