import { expect, test } from 'vitest';

import { labelOf, mendOf } from '../src/mend';

test.each([
  ['No cluster is up: %lepton cluster up --workers 2', '%lepton cluster up --workers 2'],
  ['No cluster is up: start one with %lepton cluster up (lab.cluster.up()).', '%lepton cluster up'],
  ['The cluster has gone: start one (%lepton cluster up), then %lepton run resume a.', '%lepton cluster up'],
  ['The run cnn-1 is under way: %lepton run wait cnn-1.', '%lepton run wait cnn-1'],
  ['attach to it with `%lepton cluster attach lab`, or end it', '%lepton cluster attach lab'],
  [
    'There is no model x.y: see %lepton export net.v2 tflite --to a.tflite.',
    '%lepton export net.v2 tflite --to a.tflite'
  ]
])('the line that mends: %s', (message, line) => {
  expect(mendOf(message)).toBe(line);
});

test.each([
  'Make a model: %lepton model new NAME.',
  'see %lepton data ...',
  'give them more (%lepton cluster up --memory), or cut the item up',
  'The kernel is not connected.'
])('nothing that could be run: %s', message => {
  expect(mendOf(message)).toBeNull();
});

test('what the button is called', () => {
  expect(labelOf('%lepton cluster up --workers 2')).toBe('Start cluster');
  expect(labelOf('%lepton run stop cnn-1')).toBe('run stop cnn-1');
});
