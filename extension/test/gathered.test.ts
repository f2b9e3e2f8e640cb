import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { gathered } from '../src/gathered';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it('says the first at once, and what comes soon after it together', () => {
  const said: string[][] = [];
  const say = gathered<string>(items => said.push(items), 1000);
  say(['a']);
  say(['b', 'c']);
  say(['d']);
  expect(said).toEqual([['a']]);
  vi.advanceTimersByTime(999);
  expect(said).toHaveLength(1);
  vi.advanceTimersByTime(1);
  expect(said).toEqual([['a'], ['b', 'c', 'd']]);
  say(['e']); // too soon after the second
  expect(said).toHaveLength(2);
  vi.advanceTimersByTime(1000);
  expect(said).toHaveLength(3);
});

it('says at once again after a while, and nothing of nothing', () => {
  const said: string[][] = [];
  const say = gathered<string>(items => said.push(items), 1000);
  say(['a']);
  vi.advanceTimersByTime(2500);
  expect(said).toHaveLength(1);
  say([]);
  say(['b']);
  expect(said).toEqual([['a'], ['b']]);
});
