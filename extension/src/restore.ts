import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import type { CodeCell } from '@jupyterlab/cells';
import { INotebookTracker, type NotebookPanel } from '@jupyterlab/notebook';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import type { JSONObject } from '@lumino/coreutils';
import type { Widget } from '@lumino/widgets';

import { type ILab, ILabs } from './tokens';

export const VIEW = 'application/vnd.jupyter.widget-view+json';

/** A widget's model as the kernel tells of it, see `widgets/_states.py`. */
export interface WidgetState {
  model_name: string;
  model_module: string;
  model_module_version: string;
  state: JSONObject;
  buffers?: unknown[];
}

/** The part of ipywidgets' manager that makes models. */
interface Manager {
  has_model(id: string): boolean;
  _create_comm(target: string, id: string): Promise<unknown>;
  new_model(options: object, state: JSONObject): Promise<unknown>;
}

/**
 * Brings the widgets of a page that was loaded again back while a cell runs: ipywidgets asks for them on the shell
 * channel, which is answered when the cell has ended.
 */
export const restore: JupyterFrontEndPlugin<void> = {
  id: 'lepton-lab:restore',
  description: 'Brings widgets back when a page is loaded again while a cell runs.',
  autoStart: true,
  requires: [ILabs, INotebookTracker],
  activate: (_: JupyterFrontEnd, labs: ILabs, tracker: INotebookTracker) => {
    labs.connected.connect((_, lab) => {
      if (lab.isBusy) {
        tracker.forEach(panel => {
          if (labs.of(panel) === lab) {
            // ipywidgets does it later
            restoreOutputs(panel, lab).catch(error => console.warn('Widgets could not be restored.', error));
          }
        });
      }
    });
  }
};

/** Have these widgets' models on the page, and those that they refer to; not those with binary buffers. */
export async function restoreWidgets(panel: NotebookPanel, lab: ILab, ids: string[]): Promise<void> {
  const manager = await managerOf(panel);
  const missing = ids.filter(id => !manager.has_model(id));
  if (missing.length === 0) {
    return;
  }
  const answer = Object.entries(await lab.request('widgets', { ids: missing }));
  const states = answer.filter(([id, { buffers }]) => !buffers && !manager.has_model(id));
  const comms = await Promise.all(states.map(([id]) => manager._create_comm('jupyter.widget', id)));
  await Promise.all(
    states.map(([model_id, { state, ...options }], index) =>
      manager.new_model({ ...options, model_id, comm: comms[index] }, state)
    )
  );
}

async function restoreOutputs(panel: NotebookPanel, lab: ILab): Promise<void> {
  await panel.revealed;
  const views = [...viewsIn(panel)];
  await restoreWidgets(
    panel,
    lab,
    views.map(({ id }) => id)
  );
  await Promise.all(views.map(({ draw }) => draw()));
}

/** The outputs of a notebook that wait for a widget. */
function* viewsIn(panel: NotebookPanel): Iterable<{ id: string; draw: () => Promise<void> }> {
  for (const cell of panel.content.widgets) {
    if (cell.model.type !== 'code') {
      continue;
    }
    const { outputArea } = cell as CodeCell;
    for (const [index, output] of outputArea.widgets.entries()) {
      const model = outputArea.model.get(index);
      const view = model?.data[VIEW] as { model_id?: string } | undefined;
      const renderer = view?.model_id ? rendererIn(output) : null;
      if (view?.model_id && renderer && !output.node.querySelector('.jupyter-widgets')) {
        yield { id: view.model_id, draw: () => renderer.renderModel(model) };
      }
    }
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

/** The notebook's manager of widgets, which ipywidgets gives to what shows them. */
async function managerOf(panel: NotebookPanel): Promise<Manager> {
  const renderer = panel.content.rendermime.createRenderer(VIEW) as unknown as {
    _manager: { promise: Promise<Manager> };
    dispose: () => void;
  };
  const { promise } = renderer._manager;
  renderer.dispose();
  return promise;
}
