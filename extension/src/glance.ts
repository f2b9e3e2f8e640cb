import { counted } from './format';
import { type LabState, fractionDone, isActive } from './state';

/** A lab in a few words: `2 workers, 1 lost · CPU 63 % · GPU 90 % · run-3 42 %`. */
export function glance({ summary, loads, progress }: LabState): string {
  const { cluster, runs } = summary;
  const known = cluster.workers.flatMap(worker => loads[worker.name] ?? []);
  const gpus = known.flatMap(load =>
    load.accelerators.flatMap(({ kind, utilization }) => (kind === 'gpu' ? (utilization ?? []) : []))
  );
  const cores = cluster.workers.reduce((sum, worker) => sum + (loads[worker.name] ? worker.threads : 0), 0);
  const cpu = known.reduce((sum, load) => sum + load.cpu_percent, 0) / Math.max(1, cores);
  const lost = cluster.missing.filter(({ state }) => state === 'lost').length;
  const workers = counted(cluster.workers.length, 'worker') + (lost > 0 ? `, ${lost} lost` : '');
  const parts = [
    cluster.state === 'running' ? workers : `cluster ${cluster.state}`,
    known.length > 0 && `CPU ${whole(cpu)}`,
    gpus.length > 0 && `GPU ${whole(gpus.reduce((sum, value) => sum + value, 0) / gpus.length)}`,
    ...runs.filter(isActive).map(run => {
      const share = fractionDone(run, progress[run.id]);
      return share === null ? `${run.id} ${run.state}` : `${run.id} ${whole(100 * share)}`;
    })
  ];
  return parts.filter(Boolean).join(' \u00b7 ');
}

function whole(percent: number): string {
  return `${percent.toFixed(0)}\u00a0%`;
}
