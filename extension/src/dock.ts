import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { PathExt } from '@jupyterlab/coreutils';
import { type Message } from '@lumino/messaging';
import { Panel, Widget } from '@lumino/widgets';

import { leptonIcon } from './icon';
import { restoreWidgets, VIEW } from './restore';
import type { ILab, ILabs, Phase } from './tokens';

/** What a panel says while its kernel can't show it. */
const WORDS: Record<Phase, string> = {
  connecting: 'Waiting for the kernel\u2026',
  gone: 'The kernel of this notebook is gone. The panel comes back with a new one.',
  foreign: 'Lepton Lab needs a Python kernel.',
  elsewhere: 'This kernel is shared: its panels are shown beside the view that was opened first.',
  unloaded: "This notebook's kernel has not loaded Lepton Lab. The panel comes back when it has.",
  ready: 'Opening\u2026'
};

/** A panel of a notebook's kernel in the main area. It follows the kernel: restarts, reloads, another one. */
export class DockedPanel extends Panel {
  /**
   * @param name is the panel's, as the kernel knows it.
   * @param path is the notebook's, which need not be open.
   * @param onPath is called when the notebook was renamed.
   */
  constructor(
    readonly name: string,
    private _path: string,
    private readonly _labs: ILabs,
    private readonly _tracker: INotebookTracker,
    private readonly _onPath: () => void
  ) {
    super();
    this.addClass('lepton-Dock');
    this.title.label = `${name[0].toUpperCase()}${name.slice(1)}`;
    this.title.icon = leptonIcon;
    _labs.changed.connect(this._follow, this);
    this._follow();
  }

  get path(): string {
    return this._path;
  }

  override dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this._labs.changed.disconnect(this._follow, this);
    this._notebook?.context.pathChanged.disconnect(this._rename, this);
    if (this._shown?.phase === 'ready') {
      this._shown.request('panel_close', { name: this.name }).catch(() => undefined); // it ends with its kernel, too
    }
    super.dispose();
  }

  protected override onBeforeAttach(message: Message): void {
    super.onBeforeAttach(message);
    this._entitle(); // after what holds it gave it the name of all main areas
  }

  protected override onResize(message: Widget.ResizeMessage): void {
    super.onResize(message);
    window.dispatchEvent(new Event('resize')); // what Bokeh and Jupyter's widgets listen to
  }

  protected override onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    this.node.tabIndex = -1;
    this.node.focus();
  }

  private _follow(): void {
    const notebook = this._find();
    if (!notebook) {
      this._say(`Open ${this._path} to see this panel.`);
      return;
    }
    const lab = this._labs.of(notebook);
    const workspace = lab?.state.summary.workspace;
    if (lab?.phase !== 'ready') {
      this._say(WORDS[lab?.phase ?? 'gone']);
    } else if (!lab.state.summary.panels.length) {
      this._say(WORDS.ready); // the kernel tells what there is in a moment
    } else if (!workspace) {
      this._say('Nothing is there to show yet. The panel comes with the first %lepton line.');
    } else if (lab !== this._shown || workspace !== this._workspace) {
      this._shown = lab;
      this._workspace = workspace;
      void this._show(notebook, lab);
    }
  }

  private _find(): NotebookPanel | undefined {
    if (this._notebook?.isDisposed) {
      this._notebook = undefined;
    }
    if (!this._notebook) {
      this._notebook = this._tracker.find(panel => panel.context.path === this._path);
      this._notebook?.context.pathChanged.connect(this._rename, this);
    }
    return this._notebook;
  }

  private async _show(notebook: NotebookPanel, lab: ILab): Promise<void> {
    this._put(words(WORDS.ready));
    const workspace = this._workspace;
    const isCurrent = (): boolean => !this.isDisposed && this._shown === lab && this._workspace === workspace;
    try {
      const { model_id } = await lab.request('panel', { name: this.name });
      if (!isCurrent()) {
        return;
      }
      if (lab.isBusy) {
        await restoreWidgets(notebook, lab, [model_id]); // at other times ipywidgets does
      }
      const { rendermime } = notebook.content;
      const data = { [VIEW]: { version_major: 2, version_minor: 0, model_id } };
      const renderer = rendermime.createRenderer(VIEW);
      await renderer.renderModel(rendermime.createModel({ data, trusted: true }));
      if (isCurrent()) {
        this._put(renderer);
      } else {
        renderer.dispose();
      }
    } catch (error) {
      if (isCurrent()) {
        this._put(
          words(error instanceof Error ? error.message : String(error), () => void this._show(notebook, lab))
        );
      }
    }
  }

  private _say(text: string): void {
    if (this._shown || text !== this._said) {
      this._shown = null;
      this._said = text;
      this._put(words(text));
    }
  }

  private _put(widget: Widget): void {
    for (const old of [...this.widgets]) {
      old.dispose();
    }
    this.addWidget(widget);
  }

  private _rename(_: unknown, path: string): void {
    this._path = path;
    this._entitle();
    this._onPath();
  }

  private _entitle(): void {
    this.title.caption = `${this.title.label} of ${this._path}`;
    this.node.setAttribute('aria-label', `${this.title.label} of ${PathExt.basename(this._path)}`);
  }

  private _notebook?: NotebookPanel;
  /** Whose picture is there, or on its way. */
  private _shown: ILab | null = null;
  private _workspace = '';
  private _said = '';
}

function words(text: string, again?: () => void): Widget {
  const node = document.createElement('div');
  node.className = 'lepton-Dock-words';
  node.setAttribute('role', 'status');
  node.textContent = text;
  if (again) {
    const button = document.createElement('button');
    button.className = 'lepton-Sidebar-button';
    button.textContent = 'Try again';
    button.onclick = again;
    node.append(button);
  }
  return new Widget({ node });
}
