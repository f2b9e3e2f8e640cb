import { useState } from 'react';

import { counted, duration, percent, size } from './format';
import {
  type Run,
  type RunProgress,
  type Summary,
  type Worker,
  type WorkerLoad,
  fractionDone,
  isActive
} from './state';

/** Writes a `%lepton` line into the notebook and runs it. */
type Line = (text: string) => void;

interface SectionProps {
  title: string;
  /** Shown beside the title, such as a number of things. */
  detail?: string | number;
  children: React.ReactNode;
}

function Section({ title, detail, children }: SectionProps): JSX.Element {
  return (
    <details className="lepton-Sidebar-section" open>
      <summary>
        <h3>{title}</h3>
        {detail !== undefined && detail !== 0 && <span className="lepton-Sidebar-detail">{detail}</span>}
      </summary>
      <div className="lepton-Sidebar-content">{children}</div>
    </details>
  );
}

interface ButtonProps {
  label: string;
  /** The line that the button writes, shown as its tooltip. */
  line: string;
  run: Line;
}

function LineButton({ label, line, run }: ButtonProps): JSX.Element {
  return (
    <button className="lepton-Sidebar-button" title={line} onClick={() => run(line)}>
      {label}
    </button>
  );
}

function Empty({ children }: { children: React.ReactNode }): JSX.Element {
  return <p className="lepton-Sidebar-empty">{children}</p>;
}

interface BarProps {
  label: string;
  /** 0 to 1; null where it can't be told. */
  share: number | null;
  /** What the bar says in words. */
  text: string;
}

function Bar({ label, share, text }: BarProps): JSX.Element {
  const value = share === null ? undefined : Math.round(100 * Math.min(1, Math.max(0, share)));
  return (
    <div
      className="lepton-Sidebar-bar"
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={value}
      aria-valuetext={text}
    >
      <div style={{ width: `${value ?? 0}%` }} />
    </div>
  );
}

interface ClusterProps {
  cluster: Summary['cluster'];
  loads: Readonly<Record<string, WorkerLoad>>;
  start: () => void;
  line: Line;
}

export function Cluster({ cluster, loads, start, line }: ClusterProps): JSX.Element {
  if (cluster.state === 'down') {
    return (
      <Section title="Cluster">
        <Empty>No cluster is running.</Empty>
        <button
          className="lepton-Sidebar-button lepton-Sidebar-main"
          title="%lepton cluster up"
          onClick={start}
        >
          Start cluster
        </button>
      </Section>
    );
  }
  return (
    <Section title="Cluster" detail={cluster.state === 'running' ? cluster.name : cluster.state}>
      <ul>
        {cluster.workers.map(worker => (
          <WorkerItem key={worker.name} worker={worker} load={loads[worker.name]} />
        ))}
      </ul>
      {cluster.state === 'running' && (
        <div className="lepton-Sidebar-actions">
          <LineButton label="Stop cluster" line="%lepton cluster down" run={line} />
          {cluster.dashboard && (
            <a href={cluster.dashboard} target="_blank" rel="noopener noreferrer">
              Dashboard
            </a>
          )}
        </div>
      )}
    </Section>
  );
}

function WorkerItem({ worker, load }: { worker: Worker; load?: WorkerLoad }): JSX.Element {
  const limit = load?.memory_limit ?? worker.memory_limit;
  const cpu = load ? `${load.cpu_percent.toFixed(0)} %` : '\u2013';
  const memory = load ? size(load.memory) + (limit > 0 ? ` of ${size(limit)}` : '') : '\u2013';
  return (
    <li className="lepton-Sidebar-item">
      <div className="lepton-Sidebar-line">
        <b>{worker.name}</b>
        <span className="lepton-Sidebar-detail">
          {worker.state === 'running' ? counted(worker.threads, 'thread') : worker.state}
        </span>
      </div>
      <div className="lepton-Sidebar-meters">
        <span>CPU</span>
        <Bar
          label={`CPU of ${worker.name}`}
          share={load ? load.cpu_percent / (100 * Math.max(1, worker.threads)) : null}
          text={cpu}
        />
        <span className="lepton-Sidebar-number">{cpu}</span>
        <span>Memory</span>
        <Bar
          label={`Memory of ${worker.name}`}
          share={load && limit > 0 ? load.memory / limit : null}
          text={memory}
        />
        <span className="lepton-Sidebar-number">{memory}</span>
      </div>
    </li>
  );
}

interface RunsProps {
  runs: Run[];
  progress: Readonly<Record<string, RunProgress>>;
  stop: (run: string) => Promise<unknown>;
}

export function Runs({ runs, progress, stop }: RunsProps): JSX.Element {
  return (
    <Section title="Runs" detail={runs.length}>
      {runs.length === 0 && <Empty>Nothing has been trained yet.</Empty>}
      <ul>
        {[...runs].reverse().map(run => (
          <RunItem key={run.id} run={run} progress={progress[run.id]} stop={stop} />
        ))}
      </ul>
    </Section>
  );
}

interface RunItemProps {
  run: Run;
  progress?: RunProgress;
  stop: (run: string) => Promise<unknown>;
}

function RunItem({ run, progress, stop }: RunItemProps): JSX.Element {
  const [asked, setAsked] = useState(false);
  const [error, setError] = useState('');
  const active = isActive(run);
  const share = fractionDone(run, progress);
  const ask = (): void => {
    setAsked(true);
    setError('');
    stop(run.id).catch((reason: unknown) => {
      setAsked(false);
      setError(reason instanceof Error ? reason.message : String(reason));
    });
  };
  const state = asked && active ? 'stopping' : run.state;
  return (
    <li className="lepton-Sidebar-item">
      <div className="lepton-Sidebar-line">
        <b>{run.id}</b>
        <span className={`lepton-Sidebar-state lepton-Sidebar-state-${state}`}>{state}</span>
        {active && (
          <button
            className="lepton-Sidebar-button"
            aria-label={`Stop ${run.id}`}
            disabled={asked || run.state === 'stopping'}
            onClick={ask}
          >
            Stop
          </button>
        )}
      </div>
      <div className="lepton-Sidebar-detail">
        {run.model} on {run.dataset}
      </div>
      {active && (
        <Bar
          label={`Progress of ${run.id}`}
          share={share}
          text={share === null ? 'starting' : `${Math.round(100 * share)} %`}
        />
      )}
      <div className="lepton-Sidebar-detail">{figures(run, progress)}</div>
      {error && (
        <div className="lepton-Sidebar-error" role="alert">
          {error}
        </div>
      )}
    </li>
  );
}

/** `epoch 3 of 10 · loss 0.213 · accuracy 93.1 % · 12 s left`. */
function figures(run: Run, progress?: RunProgress): string {
  const epoch = progress?.epoch ?? run.epoch;
  const loss = progress?.loss ?? run.loss;
  const accuracy = progress?.metrics.accuracy ?? run.accuracy;
  const parts = [
    epoch > 0 && `epoch ${epoch} of ${progress?.epochs ?? run.epochs}`,
    loss !== null && `loss ${loss.toPrecision(3)}`,
    accuracy !== null && `accuracy ${percent(accuracy)}`,
    isActive(run) && typeof progress?.remaining === 'number' && `${duration(progress.remaining)} left`
  ];
  return parts.filter(Boolean).join(' \u00b7 ');
}

export function Devices({ devices, line }: { devices: Summary['devices']; line: Line }): JSX.Element | null {
  if (devices.length === 0) {
    return null; // devices are the cluster's: its section says that there is none
  }
  return (
    <Section title="Devices" detail={devices.length}>
      <ul>
        {devices.map((device, index) => (
          <Item key={index} name={device.name} detail={`${device.kind.toUpperCase()} of ${device.worker}`} />
        ))}
      </ul>
      <div className="lepton-Sidebar-actions">
        <LineButton label="Show load" line="%lepton panel devices" run={line} />
      </div>
    </Section>
  );
}

export function Datasets({ datasets, line }: { datasets: Summary['datasets']; line: Line }): JSX.Element {
  return (
    <Section title="Data sets" detail={datasets.length}>
      {datasets.length === 0 && <Empty>No data has been loaded.</Empty>}
      <ul>
        {datasets.map(({ name, rows, shards }) => (
          <Item
            key={name}
            name={name}
            detail={[counted(rows, 'row'), shards > 0 && counted(shards, 'shard')].filter(Boolean).join(', ')}
          />
        ))}
      </ul>
      <div className="lepton-Sidebar-actions">
        <LineButton label="Load data&hellip;" line="%lepton ui data load" run={line} />
      </div>
    </Section>
  );
}

export function Models({ models, line }: { models: Summary['models']; line: Line }): JSX.Element {
  return (
    <Section title="Models" detail={models.length}>
      {models.length === 0 && <Empty>There are no models yet.</Empty>}
      <ul>
        {models.map(({ name, stage, parameters, accuracy }) => (
          <Item
            key={name}
            name={name}
            detail={[
              stage,
              counted(parameters, 'parameter'),
              accuracy !== null && `accuracy ${percent(accuracy)}`
            ]
              .filter(Boolean)
              .join(', ')}
          />
        ))}
      </ul>
      <div className="lepton-Sidebar-actions">
        <LineButton label="Train&hellip;" line="%lepton ui train" run={line} />
        {models.length > 0 && <LineButton label="Compress&hellip;" line="%lepton ui compress" run={line} />}
      </div>
    </Section>
  );
}

export function Exports({ exports, line }: { exports: Summary['exports']; line: Line }): JSX.Element {
  return (
    <Section title="Exports" detail={exports.length}>
      {exports.length === 0 && <Empty>Nothing has been exported.</Empty>}
      <ul>
        {exports.map(({ name, model, format, bytes }, index) => (
          <Item key={index} name={name} detail={`${model} as ${format}, ${size(bytes)}`} />
        ))}
      </ul>
      <div className="lepton-Sidebar-actions">
        <LineButton label="Export&hellip;" line="%lepton ui export" run={line} />
      </div>
    </Section>
  );
}

function Item({ name, detail }: { name: string; detail: string }): JSX.Element {
  return (
    <li className="lepton-Sidebar-item">
      <b title={name}>{name}</b>
      <div className="lepton-Sidebar-detail">{detail}</div>
    </li>
  );
}
