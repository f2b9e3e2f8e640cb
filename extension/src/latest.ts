/**
 * A call that is made again with the latest value that was asked for meanwhile: of many clicks on `+` while the first one
 * is at work, one more call follows.
 *
 * @returns a function whose promise ends when nothing is left to do.
 */
export function latestOnly<T>(call: (value: T) => Promise<unknown>): (value: T) => Promise<void> {
  let waiting: { value: T } | null = null;
  let working: Promise<void> | null = null;
  const work = async (): Promise<void> => {
    try {
      while (waiting) {
        const { value } = waiting;
        waiting = null;
        await call(value);
      }
    } finally {
      waiting = working = null;
    }
  };
  return value => {
    waiting = { value };
    working ??= work();
    return working;
  };
}
