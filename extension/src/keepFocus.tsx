import { Component } from 'react';

interface Focus {
  element: Element;
  /** Who takes it when the element goes, the first that is still there. */
  heirs: (HTMLElement | null | undefined)[];
}

/** Hands the focus on to its section's title when what had it goes, as the button does that starts a cluster. */
export class KeepFocus extends Component<{ children: React.ReactNode }> {
  override getSnapshotBeforeUpdate(): Focus | null {
    const element = document.activeElement;
    const sidebar = element?.closest<HTMLElement>('.lepton-Sidebar');
    return element && sidebar
      ? { element, heirs: [element.closest('details')?.querySelector('summary'), sidebar] }
      : null;
  }

  override componentDidUpdate(_: unknown, __: unknown, before: Focus | null): void {
    if (before && !before.element.isConnected) {
      before.heirs.find(heir => heir?.isConnected)?.focus();
    }
  }

  override render(): React.ReactNode {
    return this.props.children;
  }
}
