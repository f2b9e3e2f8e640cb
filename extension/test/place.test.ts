import { expect, it } from 'vitest';

import { placeOf } from '../src/place';

it('writes a cell while the kernel is idle', () => {
  expect(placeOf('%lepton run stop run-1', false, true)).toBe('cell');
  expect(placeOf('%lepton cluster up', false, true)).toBe('cell');
});

it('goes beside the running cell with what is wanted just then', () => {
  for (const line of [
    'cluster scale 3',
    'cluster down',
    'cluster attach a',
    'run stop r',
    'run resume r --background'
  ]) {
    expect(placeOf(`%lepton ${line}`, true, true)).toBe('beside');
  }
  expect(placeOf('%lepton cluster up', true, true)).toBe('cell');
});

it('writes no cells where a person wants none, but for what needs one to be seen', () => {
  expect(placeOf('%lepton cluster up --workers 2', false, false)).toBe('beside');
  expect(placeOf('%lepton run stop run-1', false, false)).toBe('beside');
  expect(placeOf('%lepton ui train', true, false)).toBe('cell');
});
