import { expect, it } from 'vitest';

import { latestOnly } from '../src/latest';

it('follows many wishes with one more call, for the last of them', async () => {
  const calls: number[] = [];
  const ends: (() => void)[] = [];
  const ask = latestOnly((value: number) => {
    calls.push(value);
    return new Promise<void>(resolve => ends.push(resolve));
  });
  const done = ask(1);
  expect([ask(2), ask(3)]).toEqual([done, done]);
  expect(calls).toEqual([1]);
  ends[0]();
  await Promise.resolve();
  await Promise.resolve();
  expect(calls).toEqual([1, 3]);
  ends[1]();
  await done;
});

it('works again after a call that failed', async () => {
  let fail = true;
  const ask = latestOnly(() => (fail ? Promise.reject(new Error('no')) : Promise.resolve()));
  await expect(ask(1)).rejects.toThrow('no');
  fail = false;
  await expect(ask(2)).resolves.toBeUndefined();
});
