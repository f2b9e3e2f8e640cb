import { describe, expect, it } from 'vitest';

import {
  type AcceleratorLoad,
  type Device,
  EMPTY,
  type LabState,
  type Run,
  type RunProgress,
  acceleratorLoad,
  apply,
  fractionDone,
  isActive
} from '../src/state';

const run: Run = {
  id: 'run-1',
  model: 'cnn',
  dataset: 'digits',
  state: 'running',
  epoch: 0,
  epochs: 4,
  loss: null,
  accuracy: null,
  strategy: 'sync',
  restarts: 0,
  error: '',
  can_resume: false
};
const progress: RunProgress = {
  run: 'run-1',
  epoch: 2,
  epochs: 4,
  step: 5,
  steps: 10,
  loss: 0.5,
  metrics: { accuracy: 0.9 },
  remaining: 3
};
const load = { worker: 'w0', cpu_percent: 150, memory: 1, memory_limit: 2, accelerators: [] };
const worker = {
  name: 'w0',
  threads: 2,
  memory_limit: 2,
  state: 'running',
  device: 'cpu',
  losses: 0,
  why: ''
};

function running(): LabState {
  const cluster = { ...EMPTY.summary.cluster, state: 'running', workers: [worker] };
  const state = apply(EMPTY, { event: 'SummaryChanged', data: { ...EMPTY.summary, cluster, runs: [run] } });
  return apply(apply(state, { event: 'WorkerLoad', data: load }), { event: 'RunProgress', data: progress });
}

describe('apply', () => {
  it('keeps the latest load of each worker and progress of each run', () => {
    const state = apply(running(), { event: 'WorkerLoad', data: { ...load, cpu_percent: 20 } });
    expect(state.loads.w0.cpu_percent).toBe(20);
    expect(state.progress['run-1']).toEqual(progress);
  });

  it('forgets the figures of workers that went and of runs that ended', () => {
    const state = running();
    const runs = [{ ...run, state: 'done' }];
    const next = apply(state, { event: 'SummaryChanged', data: { ...EMPTY.summary, runs } });
    expect(next.loads).toEqual({});
    expect(next.progress).toEqual({});
    expect(state.loads.w0).toEqual(load);
  });

  it('shows a change of state before the summary that follows it', () => {
    const state = apply(running(), { event: 'RunChanged', data: { run: 'run-1', state: 'stopping' } });
    expect(state.summary.runs[0].state).toBe('stopping');
    const cluster = { name: 'one', state: 'starting', num_workers: 0 };
    expect(apply(state, { event: 'ClusterChanged', data: cluster }).summary.cluster.state).toBe('starting');
  });

  it('leaves the state alone for what a summary follows', () => {
    const state = running();
    expect(apply(state, { event: 'NamesChanged', data: { kind: 'model', name: 'cnn' } })).toBe(state);
    expect(apply(state, { event: 'LineOffered', data: { line: '%lepton status', result: null } })).toBe(
      state
    );
  });
});

describe('acceleratorLoad', () => {
  it("takes the worker's of the same kind", () => {
    const device = (kind: string): Device => ({ worker: 'w0', kind, name: kind });
    const figures = (kind: string): AcceleratorLoad => ({
      kind,
      name: 'X',
      utilization: 1,
      memory: 1,
      memory_total: 2,
      power: null,
      temperature: 50
    });
    const accelerators = [figures('gpu'), figures('fpga')];
    expect(acceleratorLoad(device('fpga'), { ...load, accelerators })).toEqual(accelerators[1]);
    expect(acceleratorLoad(device('cpu'), { ...load, accelerators })).toBeNull();
    expect(acceleratorLoad(device('gpu'), load)).toBeNull();
    expect(acceleratorLoad(device('gpu'))).toBeNull();
  });
});

describe('fractionDone', () => {
  it('counts the steps of the epoch under way', () => {
    expect(fractionDone(run, progress)).toBeCloseTo(0.375);
    expect(fractionDone(run)).toBeNull();
    expect(fractionDone({ ...run, epoch: 1 })).toBe(0.25);
    expect(fractionDone(run, { ...progress, epoch: 9 })).toBe(1);
  });
});

describe('isActive', () => {
  it('is false for final states', () => {
    expect(
      ['starting', 'running', 'restarting', 'stopping', 'converting'].every(state => isActive({ state }))
    ).toBe(true);
    expect(['done', 'failed', 'cancelled'].some(state => isActive({ state }))).toBe(false);
  });
});
