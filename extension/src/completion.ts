import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import {
  type CompletionHandler,
  type ICompletionContext,
  type ICompletionProvider,
  ICompletionProviderManager
} from '@jupyterlab/completer';
import { NotebookPanel } from '@jupyterlab/notebook';

import { ILabs } from './tokens';
import { codePoints, leptonPart, utf16Units } from './words';

const NOTHING = { start: 0, end: 0, items: [] };

/** Completes `%lepton` lines and `%%lepton` cells while the kernel runs a cell; at other times its own completer does. */
class LeptonCompletions implements ICompletionProvider {
  constructor(private readonly _labs: ILabs) {}

  readonly identifier = 'lepton-lab:completion';
  /** Above the kernel's 550: where both answer, the same words are shown once, and they are ours. */
  readonly rank = 560;

  async isApplicable(context: ICompletionContext): Promise<boolean> {
    return context.widget instanceof NotebookPanel;
  }

  async fetch(
    { text, offset }: CompletionHandler.IRequest,
    { widget }: ICompletionContext
  ): Promise<CompletionHandler.ICompletionItemsReply> {
    const lab = widget instanceof NotebookPanel ? this._labs.of(widget) : null;
    const position = utf16Units(text, offset); // JupyterLab counts code points here
    const part = leptonPart(text, position);
    if (lab?.phase !== 'ready' || !lab.isBusy || !part) {
      return NOTHING;
    }
    const cursor = codePoints(part.text, position - part.start);
    const before = codePoints(text, part.start);
    const { matches, start, end } = await lab.request('complete', { text: part.text, cursor });
    return { start: before + start, end: before + end, items: matches.map(label => ({ label })) };
  }
}

/** Completes in the editor. */
export const completion: JupyterFrontEndPlugin<void> = {
  id: 'lepton-lab:completion',
  description: 'Completes %lepton lines while the kernel is busy.',
  autoStart: true,
  requires: [ILabs],
  optional: [ICompletionProviderManager],
  activate: (_: JupyterFrontEnd, labs: ILabs, manager: ICompletionProviderManager | null) => {
    manager?.registerProvider(new LeptonCompletions(labs));
  }
};
