/** What is known of a lab: the kernel's last summary, and the live figures that arrived after it. */

export interface Worker {
  name: string;
  threads: number;
  /** Bytes; 0 is without limit. */
  memory_limit: number;
  state: string;
}

export interface Run {
  id: string;
  model: string;
  dataset: string;
  state: string;
  epoch: number;
  epochs: number;
  loss: number | null;
  accuracy: number | null;
}

export interface Summary {
  cluster: { state: string; name: string; address: string; dashboard: string; workers: Worker[] };
  devices: { worker: string; kind: string; name: string; units?: number; memory?: number }[];
  datasets: { name: string; rows: number; shards: number }[];
  models: { name: string; stage: string; parameters: number; accuracy: number | null }[];
  runs: Run[];
  exports: { name: string; model: string; format: string; bytes: number }[];
}

export interface WorkerLoad {
  worker: string;
  /** Of one core: 200 is two cores busy. */
  cpu_percent: number;
  memory: number;
  memory_limit: number;
}

export interface RunProgress {
  run: string;
  epoch: number;
  epochs: number;
  step: number;
  steps: number;
  loss: number | null;
  metrics: Record<string, number | null>;
  /** Seconds; null before it can be told. */
  remaining: number | null;
}

export interface ClusterChanged {
  name: string;
  state: string;
  num_workers: number;
}

/** What the kernel pushes; the kernel's twin is `widgets/_bridge.py`. */
export type Push =
  | { event: 'SummaryChanged'; data: Summary }
  | { event: 'WorkerLoad'; data: WorkerLoad }
  | { event: 'RunProgress'; data: RunProgress }
  | { event: 'RunChanged'; data: { run: string; state: string } }
  | { event: 'ClusterChanged'; data: ClusterChanged }
  | { event: 'NamesChanged'; data: { kind: string; name: string } };

export interface LabState {
  readonly summary: Summary;
  /** By the worker's name. */
  readonly loads: Readonly<Record<string, WorkerLoad>>;
  /** By the run's id. */
  readonly progress: Readonly<Record<string, RunProgress>>;
}

export const EMPTY: LabState = {
  summary: {
    cluster: { state: 'down', name: '', address: '', dashboard: '', workers: [] },
    devices: [],
    datasets: [],
    models: [],
    runs: [],
    exports: []
  },
  loads: {},
  progress: {}
};

/** Whether a run may still change. */
export function isActive(run: { state: string }): boolean {
  return ['starting', 'running', 'restarting', 'stopping'].includes(run.state);
}

/** The state after `push`. */
export function apply(state: LabState, push: Push): LabState {
  switch (push.event) {
    case 'SummaryChanged':
      return withSummary(state, push.data);
    case 'WorkerLoad':
      return { ...state, loads: { ...state.loads, [push.data.worker]: push.data } };
    case 'RunProgress':
      return { ...state, progress: { ...state.progress, [push.data.run]: push.data } };
    case 'RunChanged':
      return withRuns(state, push.data.run, push.data.state);
    case 'ClusterChanged': {
      const { name, state: word } = push.data;
      const cluster = { ...state.summary.cluster, name, state: word };
      return { ...state, summary: { ...state.summary, cluster } };
    }
    default:
      return state; // a summary follows each change of names
  }
}

/** Share of a run that is done, 0 to 1; null before its first step. */
export function fractionDone(run: Run, progress?: RunProgress): number | null {
  if (progress && progress.epochs > 0) {
    const epoch = progress.steps > 0 ? progress.step / progress.steps : 0;
    return Math.min(1, Math.max(0, (progress.epoch - 1 + epoch) / progress.epochs));
  }
  return run.epochs > 0 && run.epoch > 0 ? Math.min(1, run.epoch / run.epochs) : null;
}

function withSummary(state: LabState, summary: Summary): LabState {
  const workers = new Set(summary.cluster.workers.map(worker => worker.name));
  const active = new Set(summary.runs.filter(isActive).map(run => run.id));
  return {
    summary,
    loads: pick(state.loads, name => workers.has(name)),
    progress: pick(state.progress, id => active.has(id))
  };
}

function withRuns(state: LabState, id: string, word: string): LabState {
  const runs = state.summary.runs.map(run => (run.id === id ? { ...run, state: word } : run));
  return { ...state, summary: { ...state.summary, runs } };
}

function pick<T>(values: Readonly<Record<string, T>>, keep: (key: string) => boolean): Record<string, T> {
  return Object.fromEntries(Object.entries(values).filter(([key]) => keep(key)));
}
