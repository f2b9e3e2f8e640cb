import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';

const OURS = '.lepton-form, .lepton-chooser, .lepton-panel';

/**
 * Leaves to forms and panels the keys that are typed in them. JupyterLab knows a text field, but in a list it takes an
 * arrow for "next cell", and `d d` for "delete the cell". Its shortcuts with Ctrl, Alt or Cmd go on to work.
 */
export const keys: JupyterFrontEndPlugin<void> = {
  id: 'lepton-lab:keys',
  description: 'Leaves to forms and panels the keys that are typed in them.',
  autoStart: true,
  activate: (app: JupyterFrontEnd) => {
    // shortcuts are heard on the document, after this
    app.shell.node.addEventListener('keydown', event => {
      const isOurs = event.target instanceof Element && event.target.closest(OURS) !== null;
      if (isOurs && event.key !== 'Escape' && !event.ctrlKey && !event.altKey && !event.metaKey) {
        event.stopPropagation();
      }
    });
  }
};
