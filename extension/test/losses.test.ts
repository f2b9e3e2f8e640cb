import { describe, expect, it } from 'vitest';

import { everyWorker, lossOf, newlyLost, remark } from '../src/losses';
import { type Cluster, EMPTY, type Worker } from '../src/state';

const WHY = 'it was killed by SIGKILL';
const worker = (name: string, losses = 0, state = 'running'): Worker => ({
  name,
  threads: 1,
  memory_limit: 0,
  state,
  device: 'cpu',
  losses,
  why: losses > 0 || state === 'lost' ? WHY : ''
});
const cluster = (workers: Worker[], missing: Worker[] = []): Cluster => ({
  ...EMPTY.summary.cluster,
  name: 'lab',
  state: 'running',
  workers,
  missing
});
const names = (workers: Worker[]): string[] => workers.map(({ name }) => name);

describe('everyWorker', () => {
  it('has the missing ones in their places', () => {
    const all = everyWorker(cluster([worker('w0'), worker('w10')], [worker('w2', 0, 'lost')]));
    expect(names(all)).toEqual(['w0', 'w2', 'w10']);
  });
});

describe('newlyLost', () => {
  const whole = cluster([worker('w0'), worker('w1')]);

  it('has a worker that is missing, once', () => {
    const without = cluster([worker('w0')], [worker('w1', 0, 'lost')]);
    expect(names(newlyLost(whole, without))).toEqual(['w1']);
    expect(newlyLost(without, without)).toEqual([]);
    expect(newlyLost(without, cluster([worker('w0'), worker('w1', 1)]))).toEqual([]);
  });

  it('has one that is back already', () => {
    const after = cluster([worker('w0'), worker('w1', 1)]);
    expect(names(newlyLost(whole, after))).toEqual(['w1']);
    expect(newlyLost(after, after)).toEqual([]);
  });

  it('has none that is only starting, that left, or that was not known', () => {
    expect(newlyLost(whole, cluster([worker('w0'), worker('w9', 3)], [worker('w5', 0, 'starting')]))).toEqual(
      []
    );
  });

  it('has one that died while it started', () => {
    const starting = cluster([], [worker('w0', 0, 'starting')]);
    expect(names(newlyLost(starting, cluster([], [worker('w0', 0, 'lost')])))).toEqual(['w0']);
  });

  it('has none of another cluster, or of one that is not up', () => {
    const after = cluster([worker('w0'), worker('w1', 1)]);
    expect(newlyLost({ ...whole, name: 'other' }, after)).toEqual([]);
    expect(newlyLost(EMPTY.summary.cluster, after)).toEqual([]);
    expect(newlyLost(whole, { ...after, state: 'down' })).toEqual([]);
  });
});

describe('in words', () => {
  it('says how a worker was lost, and whether it is back', () => {
    expect(lossOf(worker('w1', 0, 'lost'))).toBe(`w1 was lost: ${WHY}`);
    expect(lossOf(worker('w1', 1))).toBe(`w1 was lost (${WHY}) and started again`);
  });

  it('says what there is to say of a worker', () => {
    expect(remark(worker('w0'))).toBe('');
    expect(remark(worker('w0', 0, 'starting'))).toBe('');
    expect(remark(worker('w0', 2, 'lost'))).toBe(WHY);
    expect(remark(worker('w0', 0, 'paused'))).toBe('its memory is nearly full');
    expect(remark(worker('w0', 1))).toBe(`died once: ${WHY}`);
    expect(remark(worker('w0', 2))).toBe(`died twice; the last time ${WHY}`);
    expect(remark(worker('w0', 3))).toBe(`died 3 times; the last time ${WHY}`);
  });
});
