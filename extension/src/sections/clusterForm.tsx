import { useId, useState } from 'react';

import { type ClusterWish, complaint, upLine } from '../lines';
import { type Actions, Button } from './parts';

interface FormProps {
  /** What to start with; 0 leaves the number to the kernel. */
  workers: number;
  actions: Actions;
}

/** The fields of `%lepton cluster up`. */
export function ClusterForm({ workers, actions }: FormProps): JSX.Element {
  const [isAtWork, setAtWork] = useState(false);
  const [typed, setTyped] = useState<Partial<ClusterWish>>({});
  const wish: ClusterWish = {
    workers: workers > 0 ? String(workers) : '',
    device: 'auto',
    threads: '',
    memory: '',
    detach: false,
    ...typed
  };
  const set = (change: Partial<ClusterWish>): void => setTyped({ ...typed, ...change });
  const isValid = (['workers', 'threads', 'memory'] as const).every(field => complaint(wish, field) === null);
  const line = upLine(wish);
  const start = async (): Promise<void> => {
    setAtWork(true);
    try {
      await actions.run(line);
    } finally {
      setAtWork(false);
    }
  };
  const field = (name: 'workers' | 'threads' | 'memory', label: string, empty: string): JSX.Element => (
    <Field
      label={label}
      empty={empty}
      value={wish[name]}
      complaint={complaint(wish, name)}
      set={text => set({ [name]: text })}
    />
  );
  const kind = useId();
  return (
    <form
      className="lepton-Sidebar-form"
      aria-label="New cluster"
      onSubmit={event => {
        event.preventDefault();
        if (isValid && !isAtWork) {
          void start();
        }
      }}
    >
      {field('workers', 'Workers', 'one per core')}
      <label htmlFor={kind}>Kind</label>
      <select id={kind} value={wish.device} onChange={event => set({ device: event.target.value })}>
        <option value="auto">What there is</option>
        <option value="cpu">CPU</option>
        <option value="gpu">GPU</option>
        <option value="tpu">TPU</option>
      </select>
      {field('threads', 'Cores each', 'equal share')}
      {field('memory', 'Memory each', 'equal share')}
      <label className="lepton-Sidebar-check">
        <input
          type="checkbox"
          checked={wish.detach}
          onChange={event => set({ detach: event.target.checked })}
        />
        Outlives the kernel
      </label>
      <Button type="submit" isMain title={line} disabled={!isValid || isAtWork}>
        Start cluster
      </Button>
    </form>
  );
}

interface FieldProps {
  label: string;
  /** What holds while nothing is typed. */
  empty: string;
  value: string;
  complaint: string | null;
  set: (text: string) => void;
}

function Field({ label, empty, value, complaint, set }: FieldProps): JSX.Element {
  const id = useId();
  return (
    <>
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        value={value}
        placeholder={empty}
        aria-invalid={complaint !== null}
        aria-describedby={complaint ? `${id}-complaint` : undefined}
        onChange={event => set(event.target.value)}
      />
      {complaint && (
        <span className="lepton-Sidebar-error" id={`${id}-complaint`}>
          {complaint}
        </span>
      )}
    </>
  );
}
