import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { type ISignal, Signal } from '@lumino/signaling';

import { ISettings, type Values } from './tokens';

/** What holds where there is no registry of settings; the schema says the same. */
const DEFAULTS: Values = { workers: 0, writeCells: true, layout: ['training', 'devices'], statusBar: true };

class Settings implements ISettings {
  get values(): Values {
    return this._values;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  follow(settings: ISettingRegistry.ISettings): void {
    const read = (): void => {
      this._values = { ...DEFAULTS, ...(settings.composite as Partial<Values>) };
      this._changed.emit();
    };
    settings.changed.connect(read);
    read();
  }

  private _values = DEFAULTS;
  private _changed = new Signal<this, void>(this);
}

/** Provides what a person set. */
export const settings: JupyterFrontEndPlugin<ISettings> = {
  id: 'lepton-lab:settings',
  description: 'The settings of Lepton Lab.',
  autoStart: true,
  optional: [ISettingRegistry],
  provides: ISettings,
  activate: (_: JupyterFrontEnd, registry: ISettingRegistry | null) => {
    const values = new Settings();
    registry?.load(settings.id).then(
      loaded => values.follow(loaded),
      (error: unknown) => console.warn('The settings of Lepton Lab could not be read.', error)
    );
    return values;
  }
};
