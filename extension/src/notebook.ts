import { NotebookActions, type NotebookPanel } from '@jupyterlab/notebook';

/** The line that loads Lepton Lab into a kernel. */
export const LOAD = '%load_ext lepton_lab';

/** Write `line` into a cell below the active one, or into the active one if that is empty, and run it. */
export async function runBelow(panel: NotebookPanel, line: string): Promise<boolean> {
  const notebook = panel.content;
  const active = notebook.activeCell?.model;
  if (active?.type !== 'code' || active.sharedModel.getSource().trim() !== '') {
    NotebookActions.insertBelow(notebook);
  }
  return runActive(panel, line);
}

/** Write `line` into a cell below the active one, and leave it to the person to run it. */
export function insertBelow(panel: NotebookPanel, line: string): void {
  NotebookActions.insertBelow(panel.content);
  panel.content.activeCell?.model.sharedModel.setSource(line);
}

/** Write `line` before the first code cell, so that the notebook can be run again from its top, and run it. */
export async function runFirst(panel: NotebookPanel, line: string): Promise<boolean> {
  const notebook = panel.content;
  const first = notebook.widgets.findIndex(cell => cell.model.type === 'code');
  if (first === -1) {
    return runBelow(panel, line);
  }
  notebook.activeCellIndex = first;
  if (notebook.widgets[first].model.sharedModel.getSource().trim() !== '') {
    NotebookActions.insertAbove(notebook);
  }
  return runActive(panel, line);
}

async function runActive(panel: NotebookPanel, line: string): Promise<boolean> {
  const notebook = panel.content;
  const cell = notebook.activeCell;
  if (!cell) {
    return false;
  }
  notebook.deselectAll();
  if (cell.model.type !== 'code') {
    NotebookActions.changeCellType(notebook, 'code');
  }
  notebook.activeCell.model.sharedModel.setSource(line);
  // not `scrollToCell`, which would take the focus away from the button
  await notebook.scrollToItem(notebook.activeCellIndex).catch(() => undefined);
  return NotebookActions.run(notebook, panel.sessionContext);
}
