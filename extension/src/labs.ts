import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker, type NotebookPanel } from '@jupyterlab/notebook';
import { type ISignal, Signal } from '@lumino/signaling';

import { KernelLab } from './lab';
import { type ILab, ILabs, type Loss, type Offer } from './tokens';

/** Keeps one lab for each kernel that a notebook uses. */
class Labs implements ILabs {
  constructor(private readonly _tracker: INotebookTracker) {
    _tracker.forEach(panel => this._add(panel));
    _tracker.widgetAdded.connect((_, panel) => this._add(panel));
    _tracker.currentChanged.connect(() => this._changed.emit());
    // a page that goes says so, or its kernels would push to it for ever
    window.addEventListener('pagehide', ({ persisted }) => {
      if (!persisted) {
        this._labs.forEach(lab => lab.dispose());
      }
    });
  }

  get notebook(): NotebookPanel | null {
    return this._tracker.currentWidget;
  }

  get current(): ILab | null {
    return this.notebook && this.of(this.notebook);
  }

  of(notebook: NotebookPanel): ILab | null {
    const kernel = notebook.sessionContext.session?.kernel;
    return (kernel && this._labs.get(kernel.id)) ?? null;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get connected(): ISignal<this, ILab> {
    return this._connected;
  }

  get offered(): ISignal<this, Offer> {
    return this._offered;
  }

  get lost(): ISignal<this, Loss> {
    return this._lost;
  }

  private _add(panel: NotebookPanel): void {
    const context = panel.sessionContext;
    context.kernelChanged.connect(() => this._watch(panel));
    context.statusChanged.connect(() => this._changed.emit()); // a kernel that is still coming has a status of its own
    panel.disposed.connect(() => this._changed.emit());
    this._watch(panel);
  }

  private _watch(panel: NotebookPanel): void {
    const kernel = panel.sessionContext.session?.kernel;
    if (kernel && !kernel.isDisposed && !this._ready(kernel.id)) {
      this._labs.get(kernel.id)?.dispose();
      const lab = new KernelLab(kernel);
      this._labs.set(kernel.id, lab);
      let ready = false;
      lab.changed.connect(() => {
        if (!ready && lab.phase === 'ready') {
          this._connected.emit(lab);
        }
        ready = lab.phase === 'ready';
        this._changed.emit();
      });
      lab.offered.connect((_, offered) => {
        const notebook = this._notebookOf(lab);
        if (notebook) {
          this._offered.emit({ notebook, ...offered });
        }
      });
      lab.lost.connect((_, workers) => {
        const notebook = this._notebookOf(lab);
        if (notebook) {
          this._lost.emit({ notebook, workers });
        }
      });
      kernel.disposed.connect(() => {
        lab.dispose();
        if (this._labs.get(kernel.id) === lab) {
          this._labs.delete(kernel.id);
        }
        this._tracker.forEach(other => this._watch(other)); // the kernel may live on under another notebook
        this._changed.emit();
      });
    }
    this._changed.emit();
  }

  /** Of several notebooks with this kernel, the active one is meant. */
  private _notebookOf(lab: KernelLab): NotebookPanel | undefined {
    const isOf = (panel: NotebookPanel): boolean => this.of(panel) === lab;
    return this.notebook && isOf(this.notebook) ? this.notebook : this._tracker.find(isOf);
  }

  /** Whether a lab talks with this kernel, or tries to; one that may not is no obstacle to another that may. */
  private _ready(id: string): boolean {
    const lab = this._labs.get(id);
    return lab !== undefined && !lab.isDisposed && lab.phase !== 'elsewhere';
  }

  private _labs = new Map<string, KernelLab>();
  private _changed = new Signal<this, void>(this);
  private _connected = new Signal<this, ILab>(this);
  private _offered = new Signal<this, Offer>(this);
  private _lost = new Signal<this, Loss>(this);
}

/** Provides the labs of the open notebooks. */
export const labs: JupyterFrontEndPlugin<ILabs> = {
  id: 'lepton-lab:labs',
  description: 'Talks with Lepton Lab in the kernels of the open notebooks.',
  autoStart: true,
  requires: [INotebookTracker],
  provides: ILabs,
  activate: (_: JupyterFrontEnd, tracker: INotebookTracker) => new Labs(tracker)
};
