import type { Cell, ICellModel, ICodeCellModel } from '@jupyterlab/cells';
import { type Notebook, NotebookActions, type NotebookPanel } from '@jupyterlab/notebook';

/** The line that loads Lepton Lab into a kernel. */
export const LOAD = '%load_ext lepton_lab';
/** A form, or several to choose from. */
const FORM = '.lepton-form, .lepton-chooser';
/** Milliseconds that a form may take to be drawn. */
const PATIENCE = 5000;

/**
 * Write `line` into a cell below the active one, and below all that has run: so the notebook reads from its top in the
 * order in which things were done, and can be run again. An empty cell there is taken. Then run it.
 */
export async function runBelow(panel: NotebookPanel, line: string): Promise<boolean> {
  const notebook = panel.content;
  notebook.activeCellIndex = Math.max(notebook.activeCellIndex, lastRun(notebook));
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

/**
 * Write a line that was run elsewhere, with what it gave, below all that has run; nothing is run by that, and the person
 * is not led away from where they are. A cell that waits with this very line is taken.
 *
 * @param result is by MIME type.
 */
export function record(panel: NotebookPanel, line: string, result: Record<string, string>): void {
  const notebook = panel.content;
  const outputs = [{ output_type: 'display_data' as const, data: result, metadata: {} }];
  const waiting = notebook.widgets
    .map(({ model }) => model)
    .filter(isCode)
    .find(model => !hasRun(model) && model.sharedModel.getSource().trim() === line);
  if (waiting) {
    waiting.outputs.fromJSON(outputs);
    return;
  }
  const cell = { cell_type: 'code', source: line, metadata: { trusted: true }, outputs };
  notebook.model?.sharedModel.insertCell(lastRun(notebook) + 1, cell);
}

/**
 * Write `line` before the first code cell, so that the notebook can be run again from its top, and run it. Where it stands
 * there already, it is run.
 */
export async function runFirst(panel: NotebookPanel, line: string): Promise<boolean> {
  const notebook = panel.content;
  const first = notebook.widgets.findIndex(cell => cell.model.type === 'code');
  if (first === -1) {
    return runBelow(panel, line);
  }
  notebook.activeCellIndex = first;
  const there = notebook.widgets[first].model.sharedModel.getSource().trim();
  if (there !== '' && there !== line) {
    NotebookActions.insertAbove(notebook);
  }
  return runActive(panel, line);
}

/** Scroll to a cell when the form that it opens is drawn, which takes a moment: before, there is nothing to scroll to. */
export async function showForm(notebook: Notebook, cell: Cell): Promise<void> {
  const until = Date.now() + PATIENCE;
  while (!cell.node.querySelector(FORM) && Date.now() < until && !cell.isDisposed) {
    await new Promise(resolve => setTimeout(resolve, 50));
  }
  const index = notebook.widgets.indexOf(cell);
  if (index !== -1) {
    await notebook.scrollToItem(index, 'start').catch(() => undefined);
  }
}

/** The lowest cell that has run, or was written after its line had; -1 if there is none. */
function lastRun(notebook: Notebook): number {
  return notebook.widgets.map(({ model }) => isCode(model) && hasRun(model)).lastIndexOf(true);
}

function isCode(model: ICellModel): model is ICodeCellModel {
  return model.type === 'code';
}

function hasRun(model: ICodeCellModel): boolean {
  return model.executionCount !== null || model.executionState === 'running' || model.outputs.length > 0;
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
