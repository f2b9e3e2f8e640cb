/** Workers that die, are lost, and come back. */
import type { Cluster, Worker } from './state';

/** A cluster's workers, and among them those that are missing, in the order of their numbers. */
export function everyWorker({ workers, missing }: Cluster): Worker[] {
  return [...workers, ...missing].sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
}

/** Those that were lost between two looks at a cluster, whether or not they are back by now. */
export function newlyLost(before: Cluster, after: Cluster): Worker[] {
  if (before.state !== 'running' || after.state !== 'running' || before.name !== after.name) {
    return [];
  }
  const known = new Map(everyWorker(before).map(worker => [worker.name, worker]));
  return everyWorker(after).filter(({ name, state, losses }) => {
    const was = known.get(name);
    return was && was.state !== 'lost' && (state === 'lost' || losses > was.losses);
  });
}

/** How a worker was lost, as a sentence without its full stop: `w1 was lost: it was killed by SIGKILL`. */
export function lossOf({ name, state, why }: Worker): string {
  return state === 'lost' ? `${name} was lost: ${why}` : `${name} was lost (${why}) and started again`;
}

/** What is to be said of a worker besides its state; empty where nothing is. */
export function remark({ state, losses, why }: Worker): string {
  switch (true) {
    case state === 'lost':
      return why;
    case state === 'paused':
      return 'its memory is nearly full';
    case losses > 0:
      return losses === 1 ? `died once: ${why}` : `died ${times(losses)}; the last time ${why}`;
    default:
      return '';
  }
}

function times(count: number): string {
  return count === 2 ? 'twice' : `${count} times`;
}
