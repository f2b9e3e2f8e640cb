import { describe, expect, it } from 'vitest';

import { complaint, lineOf, upLine } from '../src/lines';

const wish = { workers: '', device: 'auto', threads: '', memory: '', detach: false };

describe('upLine', () => {
  it('leaves out what is left to the kernel', () => {
    expect(upLine(wish)).toBe('%lepton cluster up');
  });

  it('names what is wished', () => {
    expect(upLine({ workers: '2', device: 'gpu', threads: '4', memory: '4 GB', detach: true })).toBe(
      '%lepton cluster up --workers 2 --device gpu --threads 4 --memory 4GB --detach'
    );
  });
});

describe('complaint', () => {
  it('takes what the kernel takes', () => {
    expect(complaint({ ...wish, workers: '2' }, 'workers')).toBeNull();
    expect(
      ['', '4GB', '1.5 GiB', '512MB', '.5TB'].map(memory => complaint({ ...wish, memory }, 'memory'))
    ).toEqual(Array(5).fill(null));
  });

  it('says what is expected', () => {
    expect(complaint({ ...wish, workers: '0' }, 'workers')).toContain('whole number');
    expect(complaint({ ...wish, threads: 'two' }, 'threads')).toContain('whole number');
    expect(complaint({ ...wish, memory: 'much' }, 'memory')).toContain('4GB');
  });
});

describe('lineOf', () => {
  it('quotes names as a shell would', () => {
    expect(lineOf('run stop', 'run-1')).toBe('%lepton run stop run-1');
    expect(lineOf('cluster scale', 3)).toBe('%lepton cluster scale 3');
    expect(lineOf('cluster attach', "Ann's lab")).toBe(`%lepton cluster attach 'Ann'"'"'s lab'`);
  });
});
