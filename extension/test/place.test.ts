import { expect, it } from 'vitest';

import { placeOf } from '../src/place';

it('writes a cell while the kernel is idle', () => {
  for (const line of ['cluster up', 'cluster scale 3', 'cluster attach a', 'cluster down', 'ui train']) {
    expect(placeOf(`%lepton ${line}`, false, true)).toBe('cell');
  }
});

it('goes beside the running cell with what is wanted just then', () => {
  for (const line of ['cluster scale 3', 'cluster attach a', 'cluster down']) {
    expect(placeOf(`%lepton ${line}`, true, true)).toBe('beside');
  }
  expect(placeOf('%lepton cluster up', true, true)).toBe('cell');
});

it('writes no cell of what would find nothing to do when the notebook is run again', () => {
  for (const line of ['run stop r', 'run resume r --background', 'cluster logs', 'cluster down other']) {
    expect(placeOf(`%lepton ${line}`, false, true)).toBe('beside');
  }
});

it('writes no cells where a person wants none, but for what needs one to be seen', () => {
  expect(placeOf('%lepton cluster up --workers 2', false, false)).toBe('beside');
  expect(placeOf('%lepton cluster down', false, false)).toBe('beside');
  expect(placeOf('%lepton ui train', true, false)).toBe('cell');
});
