/** What is known of a lab: the kernel's last summary, and the live figures that arrived after it. */

export interface Worker {
  name: string;
  threads: number;
  /** Bytes; 0 is without limit. */
  memory_limit: number;
  /** `running`, `paused` (its memory is nearly full), `lost`, `starting`, or another word of Dask's. */
  state: string;
  /** `cpu`, `gpu`, `tpu` or a plug-in's kind: what it computes on. */
  device: string;
  /** How often its process died and was started again. */
  losses: number;
  /** Why it was lost the last time; empty where it never was. */
  why: string;
}

export interface Cluster {
  /** `starting`, `running` or `down`. */
  state: string;
  name: string;
  /** Dask's dashboard; empty where there is none. */
  dashboard: string;
  /** Whether it lies in the workspace, and may be changed and ended from here. */
  is_own: boolean;
  /** The fewest and the most workers, where their number goes by the work. */
  adapt: [number, number] | null;
  workers: Worker[];
  /** Those that were lost, or are still starting. */
  missing: Worker[];
}

/** A cluster of the workspace which the kernel is not attached to. */
export interface OtherCluster {
  name: string;
  /** `running` or `dead`. */
  state: string;
  workers: number;
  /** Whether it was started to outlive its kernel. */
  detached: boolean;
  address: string;
}

export interface Device {
  /** The worker's name. */
  worker: string;
  /** `cpu`, `gpu`, `tpu` or a plug-in's. */
  kind: string;
  name: string;
  units?: number;
  memory?: number;
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
  strategy: string;
  restarts: number;
  /** One line; empty unless the run failed. */
  error: string;
  can_resume: boolean;
}

export interface Export {
  name: string;
  model: string;
  format: string;
  bytes: number;
  path: string;
  /** Of a download, without the server's base URL; empty where there is none. */
  url: string;
}

export interface Summary {
  cluster: Cluster;
  clusters: OtherCluster[];
  devices: Device[];
  datasets: { name: string; rows: number; shards: number }[];
  models: { name: string; stage: string; parameters: number; accuracy: number | null }[];
  runs: Run[];
  exports: Export[];
  /** Whether a cell runs. */
  is_busy: boolean;
  /** The lab's folder; empty where there is no lab yet. */
  workspace: string;
  /** The names of the panels that can be docked. */
  panels: string[];
}

/** The load of a GPU or another device besides the CPU; null for what it can't tell. */
export interface AcceleratorLoad {
  kind: string;
  name: string;
  /** Percent. */
  utilization: number | null;
  /** Bytes in use. */
  memory: number | null;
  /** Bytes; 0 where it isn't known. */
  memory_total: number;
  /** Watts. */
  power: number | null;
  /** Degrees Celsius. */
  temperature: number | null;
}

export interface WorkerLoad {
  worker: string;
  /** Of one core: 200 is two cores busy. */
  cpu_percent: number;
  memory: number;
  memory_limit: number;
  accelerators: AcceleratorLoad[];
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
}

export interface OfferedLine {
  line: string;
  /** What it gave, by MIME type, where it has been run already. */
  result: Record<string, string> | null;
}

/** What the kernel pushes; the kernel's twin is `widgets/_bridge.py`. */
export type Push =
  | { event: 'SummaryChanged'; data: Summary }
  | { event: 'WorkerLoad'; data: WorkerLoad }
  | { event: 'RunProgress'; data: RunProgress }
  | { event: 'RunChanged'; data: { run: string; state: string } }
  | { event: 'ClusterChanged'; data: ClusterChanged }
  | { event: 'NamesChanged'; data: { kind: string; name: string } }
  | { event: 'LineOffered'; data: OfferedLine };

export interface LabState {
  readonly summary: Summary;
  /** By the worker's name. */
  readonly loads: Readonly<Record<string, WorkerLoad>>;
  /** By the run's id. */
  readonly progress: Readonly<Record<string, RunProgress>>;
}

export const EMPTY: LabState = {
  summary: {
    cluster: { state: 'down', name: '', dashboard: '', is_own: false, adapt: null, workers: [], missing: [] },
    clusters: [],
    devices: [],
    datasets: [],
    models: [],
    runs: [],
    exports: [],
    is_busy: false,
    workspace: '',
    panels: []
  },
  loads: {},
  progress: {}
};

/** Whether a run may still change. */
export function isActive(run: { state: string }): boolean {
  return ['starting', 'running', 'restarting', 'stopping', 'converting'].includes(run.state);
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
      return state; // a summary follows each change of names, and an offered line is no state
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

/** The load of a device besides the CPU; a worker has one of each kind. */
export function acceleratorLoad(device: Device, load?: WorkerLoad): AcceleratorLoad | null {
  return load?.accelerators.find(({ kind }) => kind === device.kind) ?? null;
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
