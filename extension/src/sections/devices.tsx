import { size } from '../format';
import { type Device, type Summary, type WorkerLoad, gpuLoad } from '../state';
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
          <DeviceItem key={index} device={device} devices={devices} load={loads[device.worker]} />
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
  devices: Device[];
  load?: WorkerLoad;
}

function DeviceItem({ device, devices, load }: ItemProps): JSX.Element {
  const gpu = device.kind === 'gpu' ? gpuLoad(device, devices, load) : null;
  const of = `of ${device.name}, ${device.worker}`;
  return (
    <li className="lepton-Sidebar-item">
      <b title={device.name}>{device.name}</b>
      <div className="lepton-Sidebar-detail">
        {device.kind.toUpperCase()} of {device.worker}
        {typeof gpu?.power === 'number' && ` \u00b7 ${gpu.power.toFixed(0)} W`}
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
        {gpu && (
          <>
            <Meter
              name="Load"
              label={`Load ${of}`}
              share={gpu.utilization / 100}
              text={`${gpu.utilization.toFixed(0)} %`}
            />
            <Meter
              name="Memory"
              label={`Memory ${of}`}
              share={gpu.memory_total > 0 ? gpu.memory / gpu.memory_total : null}
              text={`${size(gpu.memory)} of ${size(gpu.memory_total)}`}
            />
          </>
        )}
      </div>
    </li>
  );
}
