import { expect, it } from 'vitest';

import { glance } from '../src/glance';
import { EMPTY, type LabState } from '../src/state';

const worker = {
  name: 'w0',
  threads: 2,
  memory_limit: 0,
  state: 'running',
  device: 'gpu',
  losses: 0,
  why: ''
};
const gpu = {
  kind: 'gpu',
  name: 'H',
  utilization: 90,
  memory: 1,
  memory_total: 2,
  power: null,
  temperature: null
};
const slice = { ...gpu, utilization: null };
const fpga = { ...gpu, kind: 'fpga', utilization: 10 };
const load = {
  worker: 'w0',
  cpu_percent: 126,
  memory: 1,
  memory_limit: 0,
  accelerators: [gpu, slice, fpga]
};

it('says that there is no cluster', () => {
  expect(glance(EMPTY)).toBe('cluster down');
});

it('sums up workers, load and the running run', () => {
  const run = {
    id: 'run-3',
    model: 'cnn',
    dataset: 'digits',
    state: 'running',
    epoch: 1,
    epochs: 2,
    loss: null,
    accuracy: null,
    strategy: 'sync',
    restarts: 0,
    error: '',
    can_resume: false
  };
  const cluster = { ...EMPTY.summary.cluster, state: 'running', workers: [worker] };
  const state: LabState = {
    ...EMPTY,
    summary: { ...EMPTY.summary, cluster, runs: [run] },
    loads: { w0: load }
  };
  expect(glance(state).replaceAll('\u00a0', ' ')).toBe('1 worker · CPU 63 % · GPU 90 % · run-3 50 %');
});

it('counts the workers that were lost, and not those that start', () => {
  const missing = ['lost', 'lost', 'starting'].map((state, index) => ({
    ...worker,
    name: `w${index + 1}`,
    state
  }));
  const cluster = { ...EMPTY.summary.cluster, state: 'running', workers: [worker], missing };
  expect(glance({ ...EMPTY, summary: { ...EMPTY.summary, cluster } })).toBe('1 worker, 2 lost');
});
