/**
 * Where a button's line runs.
 *
 * A line is written as a cell, so that what was clicked can be read and run again. But a cell waits for the running one,
 * and some things are wanted just then: to stop a run that a cell waits for, or to give it more workers. While the kernel
 * is busy those lines go to it as a request, which it answers beside the cell.
 */
const BESIDE = [
  'cluster scale',
  'cluster down',
  'cluster attach',
  'cluster logs',
  'run stop',
  'run background',
  'run resume'
];
/** Needs no cell to show what comes of it, but may wait for its turn. */
const PATIENT = ['cluster up'];

export type Place = 'cell' | 'beside';

/** @param writeCells is the person's wish, which forms and pictures can't follow: they need a cell to be seen in. */
export function placeOf(line: string, isBusy: boolean, writeCells: boolean): Place {
  const begins = (verbs: string[]): boolean => verbs.some(verb => `${line} `.startsWith(`%lepton ${verb} `));
  if (begins(BESIDE)) {
    return isBusy || !writeCells ? 'beside' : 'cell';
  }
  return begins(PATIENT) && !writeCells ? 'beside' : 'cell';
}
