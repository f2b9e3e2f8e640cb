import { useEffect, useId, useMemo, useRef, useState } from 'react';

import { latestOnly } from '../latest';
import { lineOf } from '../lines';
import { type Actions, Button } from './parts';

/** The number of workers: one less, one more, or as many as one types. */
export function Scale({ workers, actions }: { workers: number; actions: Actions }): JSX.Element {
  const id = useId();
  /** What is typed or on its way; null while the cluster is as it is wished. */
  const [wish, setWish] = useState<string | null>(null);
  const asked = useRef<number | null>(null);
  const { run } = actions;
  const latest = useRef(run);
  useEffect(() => {
    latest.current = run;
  });
  const scale = useMemo(
    () => latestOnly((number: number) => latest.current(lineOf('cluster scale', number))),
    []
  );
  const shown = wish ?? String(workers);
  const isValid = /^[1-9]\d*$/.test(shown);
  const number = isValid ? Number(shown) : workers;
  const ask = (wanted: number): void => {
    asked.current = wanted;
    setWish(String(wanted));
    void scale(wanted).finally(() => {
      asked.current = null;
      setWish(null);
    });
  };
  const submit = (): void => {
    if (isValid && number !== (asked.current ?? workers)) {
      ask(number);
    } else if (asked.current === null) {
      setWish(null);
    }
  };
  return (
    <div className="lepton-Sidebar-scale" role="group" aria-label="Number of workers">
      <label htmlFor={id}>Workers</label>
      <Button
        label="One worker less"
        title={lineOf('cluster scale', number - 1)}
        disabled={number <= 1}
        onClick={() => ask(number - 1)}
      >
        &minus;
      </Button>
      <input
        id={id}
        type="number"
        min={1}
        value={shown}
        aria-invalid={!isValid}
        onChange={event => setWish(event.target.value)}
        onBlur={submit}
        onKeyDown={event => {
          if (event.key === 'Enter') {
            submit();
          } else if (event.key === 'Escape') {
            setWish(null);
          }
        }}
      />
      <Button
        label="One worker more"
        title={lineOf('cluster scale', number + 1)}
        onClick={() => ask(number + 1)}
      >
        +
      </Button>
    </div>
  );
}
