import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import type { CodeCell } from '@jupyterlab/cells';
import { INotebookTracker, type NotebookPanel } from '@jupyterlab/notebook';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { type Widget } from '@lumino/widgets';

import { type ILab, ILabs } from './tokens';

/** BokehJS as it puts itself on the page: one version at `window.Bokeh`, every loaded one below its number. */
type BokehJS = { version: string } & Record<string, unknown>;

declare global {
  interface Window {
    Bokeh?: BokehJS;
  }
}

/**
 * Puts BokehJS on the page, in the version that the kernel's Bokeh has and from the kernel's own files, so that notebooks
 * carry no copy of it and no network is needed.
 */
export const bokeh: JupyterFrontEndPlugin<void> = {
  id: 'lepton-lab:bokeh',
  description: 'Puts BokehJS on the page for the panels of Lepton Lab.',
  autoStart: true,
  requires: [ILabs, INotebookTracker],
  activate: (_: JupyterFrontEnd, labs: ILabs, tracker: INotebookTracker) => {
    labs.connected.connect((_, lab) => {
      provideBokeh(lab).then(
        loaded => loaded && tracker.forEach(renderAgain),
        error => console.warn('Lepton Lab could not put BokehJS on the page.', error)
      );
    });
  }
};

/** What is under way, so that a panel that opens meanwhile doesn't load it a second time. */
const loading = new WeakMap<ILab, Promise<boolean>>();

/** Load the kernel's BokehJS unless the page has it; true if it was loaded now. */
export function provideBokeh(lab: ILab): Promise<boolean> {
  const known = loading.get(lab);
  if (known) {
    return known;
  }
  const attempt = provide(lab).finally(() => loading.delete(lab));
  loading.set(lab, attempt);
  return attempt;
}

async function provide(lab: ILab): Promise<boolean> {
  const { version, source } = await lab.request('bokeh', { have: window.Bokeh?.version ?? null });
  if (source === null || window.Bokeh?.version === version) {
    return false;
  }
  const script = document.createElement('script');
  script.textContent = source;
  document.head.appendChild(script);
  script.remove();
  // a second version keeps the first one's place; panels of the kernel that came last need their own
  window.Bokeh = (window.Bokeh?.[version] as BokehJS | undefined) ?? window.Bokeh;
  return true;
}

/** Draw again the outputs whose widgets failed for want of BokehJS, as all do that a reloaded page draws first. */
function renderAgain(panel: NotebookPanel): void {
  for (const cell of panel.content.widgets) {
    if (cell.model.type !== 'code' || !cell.node.querySelector('.jupyter-widgets-error-widget')) {
      continue;
    }
    const { outputArea } = cell as CodeCell;
    outputArea.widgets.forEach((output, index) => {
      if (output.node.querySelector('.jupyter-widgets-error-widget')) {
        void rendererIn(output)?.renderModel(outputArea.model.get(index));
      }
    });
  }
}

function rendererIn(widget: Widget): IRenderMime.IRenderer | null {
  if ('renderModel' in widget) {
    return widget as IRenderMime.IRenderer;
  }
  for (const child of widget.children()) {
    const found = rendererIn(child);
    if (found) {
      return found;
    }
  }
  return null;
}
