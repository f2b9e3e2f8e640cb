/**
 * Where a button's line runs.
 *
 * A line is written as a cell, so that what was clicked can be read and run again. But a cell waits for the running one,
 * and some things are wanted just then: to give a run that a cell waits for more workers, or to end it. While the kernel
 * is busy those lines go to it as a request, which it answers beside the cell.
 */
const URGENT = ['cluster scale', 'cluster down', 'cluster attach'];
/** Needs no cell to show what comes of it, but may wait for its turn. */
const PATIENT = ['cluster up'];
/** Is about what there is just now; when the notebook is run again, there is something else. Never written. */
const PASSING = ['cluster logs', 'run stop', 'run background', 'run resume'];
/** Ends another kernel's cluster, by its name. */
const END_OTHER = /^%lepton cluster down \S/;

export type Place = 'cell' | 'beside';

/** @param writeCells is the person's wish, which forms and pictures can't follow: they need a cell to be seen in. */
export function placeOf(line: string, isBusy: boolean, writeCells: boolean): Place {
  const begins = (verbs: string[]): boolean => verbs.some(verb => `${line} `.startsWith(`%lepton ${verb} `));
  if (begins(PASSING) || END_OTHER.test(line)) {
    return 'beside';
  }
  if (begins(URGENT)) {
    return isBusy || !writeCells ? 'beside' : 'cell';
  }
  return begins(PATIENT) && !writeCells ? 'beside' : 'cell';
}
