import { useState } from 'react';

import { counted, duration, percent } from '../format';
import { lineOf } from '../lines';
import { type Run, type RunProgress, fractionDone, isActive } from '../state';
import { type Actions, Bar, Button, Empty, Facts, LineButton, PanelButton, Section } from './parts';

interface RunsProps {
  runs: Run[];
  progress: Readonly<Record<string, RunProgress>>;
  panels: readonly string[];
  actions: Actions;
}

export function Runs({ runs, progress, panels, actions }: RunsProps): JSX.Element {
  return (
    <Section title="Runs" detail={runs.length}>
      {runs.length === 0 && <Empty>Nothing has been trained yet.</Empty>}
      <ul>
        {runs.map(run => (
          <RunItem key={run.id} run={run} progress={progress[run.id]} actions={actions} />
        ))}
      </ul>
      {runs.length > 0 && (
        <div className="lepton-Sidebar-actions">
          <PanelButton name="training" panels={panels} actions={actions}>
            Show training
          </PanelButton>
        </div>
      )}
    </Section>
  );
}

interface RunItemProps {
  run: Run;
  progress?: RunProgress;
  actions: Actions;
}

function RunItem({ run, progress, actions }: RunItemProps): JSX.Element {
  const [asked, setAsked] = useState(false);
  const active = isActive(run);
  const share = fractionDone(run, progress);
  const stopLine = lineOf('run stop', run.id);
  const stop = async (): Promise<void> => {
    setAsked(true);
    try {
      await actions.run(stopLine);
    } finally {
      setAsked(false); // a run that was stopped may be resumed, and stopped again
    }
  };
  const state = asked && active ? 'stopping' : run.state;
  return (
    <li className="lepton-Sidebar-item">
      <div className="lepton-Sidebar-line">
        <b>{run.id}</b>
        <span className={`lepton-Sidebar-state lepton-Sidebar-state-${state}`}>{state}</span>
        {active && (
          <Button
            label={`Stop ${run.id}`}
            title={stopLine}
            disabled={state === 'stopping'}
            onClick={() => void stop()}
          >
            Stop
          </Button>
        )}
        {run.can_resume && (
          <LineButton
            label={`Resume ${run.id}`}
            line={`${lineOf('run resume', run.id)} --background`}
            actions={actions}
          >
            Resume
          </LineButton>
        )}
      </div>
      <div className="lepton-Sidebar-detail">{subject(run)}</div>
      {active && (
        <Bar
          label={`Progress of ${run.id}`}
          share={share}
          text={share === null ? 'starting' : `${Math.round(100 * share)} %`}
        />
      )}
      <div className="lepton-Sidebar-detail">
        <Facts facts={figures(run, progress)} separator={' \u00b7 '} />
      </div>
      {run.error && <div className="lepton-Sidebar-error">{run.error}</div>}
    </li>
  );
}

/** `cnn on digits, sync, 1 restart`. */
function subject(run: Run): string {
  const parts = [
    `${run.model} on ${run.dataset}`,
    run.strategy,
    run.restarts > 0 && counted(run.restarts, 'restart')
  ];
  return parts.filter(Boolean).join(', ');
}

/** `epoch 3 of 10 · loss 0.213 · accuracy 93.1 % · 12 s left`. */
function figures(run: Run, progress?: RunProgress): (string | false)[] {
  const epoch = progress?.epoch ?? run.epoch;
  const loss = progress?.loss ?? run.loss;
  const accuracy = progress?.metrics.accuracy ?? run.accuracy;
  return [
    epoch > 0 && `epoch ${epoch} of ${progress?.epochs ?? run.epochs}`,
    loss !== null && `loss ${loss.toPrecision(3)}`,
    accuracy !== null && `accuracy ${percent(accuracy)}`,
    isActive(run) && typeof progress?.remaining === 'number' && `${duration(progress.remaining)} left`
  ];
}
