import { expect, it } from 'vitest';

import { dashboardLink, link } from '../src/links';

const BASE = 'https://hub.org/user/ann/';

it('puts the base URL before what is relative to it', () => {
  expect(link('files/exports/a.tflite', BASE)).toBe(`${BASE}files/exports/a.tflite`);
  expect(link('https://other.org/a', BASE)).toBe('https://other.org/a');
});

it("leads to the dashboard through the server's proxy", () => {
  expect(dashboardLink('http://127.0.0.1:8787/status', BASE)).toBe(`${BASE}proxy/8787/status`);
  expect(dashboardLink('/user/ann/proxy/8787/status', BASE)).toBe('/user/ann/proxy/8787/status');
  expect(dashboardLink('http://node7:8787/status', BASE)).toBe('http://node7:8787/status');
});
