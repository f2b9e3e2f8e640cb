import { expect, it } from 'vitest';

import { count, counted, duration, percent, size } from '../src/format';

it('writes sizes as display.py does', () => {
  expect([0, 999, 46_900_000, 4e9, 3e12].map(size)).toEqual(['0 B', '999 B', '46.9 MB', '4.0 GB', '3.0 TB']);
});

it('writes durations as display.py does', () => {
  expect([3.21, 245, 59.9, 7380].map(duration)).toEqual(['3.2 s', '4 min 05 s', '59.9 s', '2 h 03 min']);
});

it('groups digits and names what is counted', () => {
  expect(count(60_000)).toBe('60,000');
  expect([counted(1, 'row'), counted(12, 'row')]).toEqual(['1 row', '12 rows']);
  expect(percent(0.9724)).toBe('97.2\u00a0%');
});
