import { Dialog, Notification, showDialog } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { Widget } from '@lumino/widgets';

import { runBelow } from './notebook';
import { placeOf } from './place';
import type { ILab } from './tokens';

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
    Notification.error(`${line}: ${error instanceof Error ? error.message : String(error)}`);
    return false;
  }
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
