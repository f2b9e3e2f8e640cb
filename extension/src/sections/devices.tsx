import { size } from '../format';
import { type Device, type Summary, type WorkerLoad, acceleratorLoad } from '../state';
import { type Actions, Meter, PanelButton, Section } from './parts';

interface DevicesProps {
  summary: Summary;
  loads: Readonly<Record<string, WorkerLoad>>;
  actions: Actions;
}

export function Devices({ summary, loads, actions }: DevicesProps): JSX.Element | null {
  const { devices, panels } = summary;
  if (devices.length === 0) {
    return null; // devices are the cluster's: its section says that there is none
  }
  return (
    <Section title="Devices" detail={devices.length}>
      <ul>
        {devices.map((device, index) => (
          <DeviceItem key={index} device={device} load={loads[device.worker]} />
        ))}
      </ul>
      <div className="lepton-Sidebar-actions">
        <PanelButton name="devices" panels={panels} actions={actions}>
          Show load
        </PanelButton>
      </div>
    </Section>
  );
}

interface ItemProps {
  device: Device;
  load?: WorkerLoad;
}

function DeviceItem({ device, load }: ItemProps): JSX.Element {
  const own = acceleratorLoad(device, load);
  const of = `of ${device.name}, ${device.worker}`;
  return (
    <li className="lepton-Sidebar-item">
      <b title={device.name}>{device.name}</b>
      <div className="lepton-Sidebar-detail">
        {device.kind.toUpperCase()} of {device.worker}
        {typeof own?.power === 'number' && ` \u00b7 ${own.power.toFixed(0)} W`}
        {typeof own?.temperature === 'number' && ` \u00b7 ${own.temperature.toFixed(0)} \u00b0C`}
      </div>
      <div className="lepton-Sidebar-meters">
        {device.kind === 'cpu' && load && (
          <Meter
            name="Load"
            label={`Load ${of}`}
            share={load.cpu_percent / (100 * Math.max(1, device.units ?? 1))}
            text={`${load.cpu_percent.toFixed(0)} %`}
          />
        )}
        {typeof own?.utilization === 'number' && (
          <Meter
            name="Load"
            label={`Load ${of}`}
            share={own.utilization / 100}
            text={`${own.utilization.toFixed(0)} %`}
          />
        )}
        {typeof own?.memory === 'number' && (
          <Meter
            name="Memory"
            label={`Memory ${of}`}
            share={own.memory_total > 0 ? own.memory / own.memory_total : null}
            text={size(own.memory) + (own.memory_total > 0 ? ` of ${size(own.memory_total)}` : '')}
          />
        )}
      </div>
    </li>
  );
}
