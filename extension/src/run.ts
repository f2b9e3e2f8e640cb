import { Dialog, Notification, showDialog } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { Widget } from '@lumino/widgets';

import { labelOf, mendOf } from './mend';
import { runBelow, showForm } from './notebook';
import { placeOf } from './place';
import { type ILab, STAY } from './tokens';

/** Run a `%lepton` line where `place.ts` says; whether that went well. What went wrong is shown to the person. */
export async function runLine(
  notebook: NotebookPanel,
  lab: ILab,
  line: string,
  writeCells: boolean
): Promise<boolean> {
  if (placeOf(line, lab.isBusy, writeCells) === 'cell') {
    const done = runBelow(notebook, line);
    if (line.startsWith('%lepton ui ')) {
      notebook.content.activate(); // whoever opens a form goes on in it
      const cell = notebook.content.activeCell;
      void done.then(() => cell && showForm(notebook.content, cell));
    }
    return done;
  }
  return runBeside(notebook, lab, line);
}

/** Have the kernel run a line beside its cell; whether that went well. */
export async function runBeside(notebook: NotebookPanel, lab: ILab, line: string): Promise<boolean> {
  try {
    const { text, html } = await lab.request('line', { line });
    if (line.startsWith('%lepton cluster logs')) {
      await showAnswer(notebook, line, text, html);
    }
    return true;
  } catch (error) {
    tell(notebook, lab, line, error instanceof Error ? error.message : String(error));
    return false;
  }
}

/** Show what went wrong, with a button for the line by which the message says that it can be mended. */
function tell(notebook: NotebookPanel, lab: ILab, line: string, message: string): void {
  const mend = mendOf(message);
  Notification.error(`${line}: ${message}`, {
    autoClose: STAY,
    actions: mend ? [{ label: labelOf(mend), callback: () => void runLine(notebook, lab, mend, true) }] : []
  });
}

async function showAnswer(notebook: NotebookPanel, line: string, text: string, html: string): Promise<void> {
  const node = document.createElement('div');
  node.className = 'lepton-Answer';
  node.tabIndex = 0; // what scrolls must be reached by keyboard
  if (html) {
    node.innerHTML = notebook.content.rendermime.sanitizer.sanitize(html);
  } else {
    node.append(Object.assign(document.createElement('pre'), { textContent: text }));
  }
  await showDialog({
    title: line,
    body: new Widget({ node }),
    buttons: [Dialog.okButton({ label: 'Close' })]
  });
}
