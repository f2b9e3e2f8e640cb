import { type EditorView, type Tooltip, hoverTooltip } from '@codemirror/view';
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { EditorExtensionRegistry, IEditorExtensionRegistry } from '@jupyterlab/codemirror';
import { INotebookTracker } from '@jupyterlab/notebook';

import { ILabs } from './tokens';
import { codePoints, leptonPart, wordAt } from './words';

/** Says what a word on a `%lepton` line means when the mouse rests on it. */
export const hover: JupyterFrontEndPlugin<void> = {
  id: 'lepton-lab:hover',
  description: 'Explains the words of %lepton lines.',
  autoStart: true,
  requires: [ILabs, INotebookTracker],
  optional: [IEditorExtensionRegistry],
  activate: (
    _: JupyterFrontEnd,
    labs: ILabs,
    tracker: INotebookTracker,
    registry: IEditorExtensionRegistry | null
  ) => {
    const explain = async (view: EditorView, position: number): Promise<Tooltip | null> => {
      const source = view.state.doc.toString();
      const part = leptonPart(source, position);
      const word = part && wordAt(part.text, position - part.start);
      const notebook = part && tracker.find(panel => panel.node.contains(view.dom));
      const lab = notebook ? labs.of(notebook) : null;
      if (!part || !word || !notebook || lab?.phase !== 'ready') {
        return null;
      }
      const cursor = codePoints(part.text, position - part.start);
      const { found, text, html } = await lab.request('inspect', { text: part.text, cursor });
      if (!found) {
        return null;
      }
      const dom = document.createElement('div');
      dom.className = 'lepton-Hover';
      if (html) {
        dom.innerHTML = notebook.content.rendermime.sanitizer.sanitize(html);
      } else {
        dom.textContent = text;
      }
      return { pos: part.start + word.from, end: part.start + word.to, above: true, create: () => ({ dom }) };
    };
    registry?.addExtension({
      name: 'lepton-lab:hover',
      factory: () =>
        EditorExtensionRegistry.createImmutableExtension(
          // what the kernel doesn't answer is not worth an error in the console
          hoverTooltip((view, position) => explain(view, position).catch(() => null))
        )
    });
  }
};
