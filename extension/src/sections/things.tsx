import { counted, percent, size } from '../format';
import { link } from '../links';
import type { Summary } from '../state';
import { type Actions, Empty, Facts, Item, LineButton, PanelButton, Section } from './parts';

interface ThingsProps {
  summary: Summary;
  actions: Actions;
}

export function Datasets({ summary: { datasets, panels }, actions }: ThingsProps): JSX.Element {
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
        <LineButton line="%lepton ui data load" actions={actions}>
          Load data&hellip;
        </LineButton>
        {datasets.length > 0 && (
          <>
            <LineButton line="%lepton ui data shard" actions={actions}>
              Shard&hellip;
            </LineButton>
            <PanelButton name="shards" panels={panels} actions={actions}>
              Show shards
            </PanelButton>
          </>
        )}
      </div>
    </Section>
  );
}

export function Models({ summary: { models, panels }, actions }: ThingsProps): JSX.Element {
  return (
    <Section title="Models" detail={models.length}>
      {models.length === 0 && <Empty>There are no models yet.</Empty>}
      <ul>
        {models.map(({ name, stage, parameters, accuracy }) => (
          <Item
            key={name}
            name={name}
            detail={
              <Facts
                facts={[
                  stage,
                  counted(parameters, 'parameter'),
                  accuracy !== null && `accuracy ${percent(accuracy)}`
                ]}
                separator=", "
              />
            }
          />
        ))}
      </ul>
      <div className="lepton-Sidebar-actions">
        <LineButton line="%lepton ui train" actions={actions}>
          Train&hellip;
        </LineButton>
        {models.length > 0 && (
          <>
            <LineButton line="%lepton ui evaluate" actions={actions}>
              Evaluate&hellip;
            </LineButton>
            <LineButton line="%lepton ui compress" actions={actions}>
              Compress&hellip;
            </LineButton>
            <PanelButton name="compression" panels={panels} actions={actions}>
              Compare
            </PanelButton>
          </>
        )}
      </div>
    </Section>
  );
}

export function Exports({ summary: { exports }, actions }: ThingsProps): JSX.Element {
  return (
    <Section title="Exports" detail={exports.length}>
      {exports.length === 0 && <Empty>Nothing has been exported.</Empty>}
      <ul>
        {exports.map(({ name, model, format, bytes, path, url }) => (
          <Item key={path} name={name} detail={`${model} as ${format}, ${size(bytes)}`}>
            {url && (
              <a href={link(url)} download={name} title={path} aria-label={`Download ${name}`}>
                Download
              </a>
            )}
          </Item>
        ))}
      </ul>
      <div className="lepton-Sidebar-actions">
        <LineButton line="%lepton ui export" actions={actions}>
          Export&hellip;
        </LineButton>
      </div>
    </Section>
  );
}
