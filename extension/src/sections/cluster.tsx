import { counted, size } from '../format';
import { dashboardLink } from '../links';
import { everyWorker, remark } from '../losses';
import type { Summary, Worker, WorkerLoad } from '../state';
import { ClusterForm } from './clusterForm';
import { Others } from './others';
import { type Actions, Empty, LineButton, Meter, PanelButton, Section } from './parts';
import { Scale } from './scale';

interface ClusterProps {
  summary: Summary;
  loads: Readonly<Record<string, WorkerLoad>>;
  /** How many workers the form starts with; 0 leaves that to the kernel. */
  workers: number;
  actions: Actions;
}

export function Cluster({ summary, loads, workers, actions }: ClusterProps): JSX.Element {
  const { cluster, clusters, panels } = summary;
  const isRunning = cluster.state === 'running';
  const detail = isRunning ? cluster.name : cluster.state === 'down' ? undefined : cluster.state;
  return (
    <Section title="Cluster" detail={detail}>
      {cluster.state === 'down' && (
        <>
          <Empty>No cluster is running.</Empty>
          <ClusterForm workers={workers} actions={actions} />
          <div className="lepton-Sidebar-actions">
            <LineButton line="%lepton ui cluster up" actions={actions}>
              More options&hellip;
            </LineButton>
          </div>
        </>
      )}
      <ul>
        {everyWorker(cluster).map(worker => (
          <WorkerItem key={worker.name} worker={worker} load={loads[worker.name]} />
        ))}
      </ul>
      {isRunning && (
        <>
          {cluster.is_own && <Scale workers={cluster.workers.length} actions={actions} />}
          {cluster.adapt && (
            <div className="lepton-Sidebar-detail">
              {cluster.adapt.join(' to ')}, as many as there is work for; a number chosen above ends that
            </div>
          )}
          <div className="lepton-Sidebar-actions">
            <LineButton line="%lepton cluster down" actions={actions}>
              Stop cluster
            </LineButton>
            <LineButton line="%lepton cluster logs" actions={actions} label="Logs of the cluster">
              Logs
            </LineButton>
            <PanelButton name="tasks" panels={panels} actions={actions}>
              Tasks
            </PanelButton>
            {cluster.dashboard && (
              <a
                href={dashboardLink(cluster.dashboard)}
                title={`Dask's dashboard, on the kernel's machine ${cluster.dashboard}`}
                target="_blank"
                rel="noopener noreferrer"
              >
                Dashboard
              </a>
            )}
          </div>
        </>
      )}
      <Others clusters={clusters} isFree={cluster.state === 'down'} actions={actions} />
    </Section>
  );
}

function WorkerItem({ worker, load }: { worker: Worker; load?: WorkerLoad }): JSX.Element {
  if (['lost', 'starting'].includes(worker.state)) {
    return <MissingItem worker={worker} />;
  }
  const limit = load?.memory_limit ?? worker.memory_limit;
  return (
    <li className="lepton-Sidebar-item" title={remark(worker) || undefined}>
      <div className="lepton-Sidebar-line">
        <b>{worker.name}</b>
        <span className="lepton-Sidebar-detail">
          {worker.state === 'running'
            ? `${worker.device.toUpperCase()}, ${counted(worker.threads, 'thread')}`
            : worker.state}
        </span>
      </div>
      <div className="lepton-Sidebar-meters">
        <Meter
          name="CPU"
          label={`CPU of ${worker.name}`}
          share={load ? load.cpu_percent / (100 * Math.max(1, worker.threads)) : null}
          text={load ? `${load.cpu_percent.toFixed(0)} %` : '\u2013'}
        />
        <Meter
          name="Memory"
          label={`Memory of ${worker.name}`}
          share={load && limit > 0 ? load.memory / limit : null}
          text={load ? size(load.memory) + (limit > 0 ? ` of ${size(limit)}` : '') : '\u2013'}
        />
      </div>
    </li>
  );
}

function MissingItem({ worker }: { worker: Worker }): JSX.Element {
  return (
    <li className="lepton-Sidebar-item" title={remark(worker) || undefined}>
      <div className="lepton-Sidebar-line">
        <b>{worker.name}</b>
        <span className={`lepton-Sidebar-state lepton-Sidebar-state-${worker.state}`}>{worker.state}</span>
      </div>
      <div className="lepton-Sidebar-detail">{remark(worker)}</div>
    </li>
  );
}
