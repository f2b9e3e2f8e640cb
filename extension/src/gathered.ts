/**
 * A voice that doesn't repeat itself: what comes first is said at once, and what comes within `pause` milliseconds after
 * something was said is said together at their end.
 */
export function gathered<T>(say: (items: T[]) => void, pause: number): (items: T[]) => void {
  /** null while nothing has been said lately. */
  let waiting: T[] | null = null;
  const speak = (): void => {
    const items = waiting ?? [];
    waiting = items.length > 0 ? [] : null;
    if (items.length > 0) {
      setTimeout(speak, pause);
      say(items);
    }
  };
  return items => {
    if (waiting) {
      waiting.push(...items);
    } else {
      waiting = [...items];
      speak();
    }
  };
}
