import type { NotebookPanel } from '@jupyterlab/notebook';
import { Token } from '@lumino/coreutils';
import type { ISignal } from '@lumino/signaling';

import type { LabState } from './state';

/**
 * Where the talk with a kernel stands.
 *
 * - `connecting`: the kernel starts, or has not answered yet
 * - `gone`: there is no kernel, or it died
 * - `foreign`: the kernel does not speak Python
 * - `elsewhere`: JupyterLab gave this kernel's comms to another view of it
 * - `unloaded`: the kernel has not loaded Lepton Lab
 * - `ready`: requests are answered and events arrive
 */
export type Phase = 'connecting' | 'gone' | 'foreign' | 'elsewhere' | 'unloaded' | 'ready';

/** What a request takes and what it answers, by its name; the kernel's twin is `widgets/_bridge.py`. */
export interface Requests {
  summary: { params: Record<string, never>; result: LabState['summary'] };
  stop: { params: { run: string }; result: { run: string; state: string } };
  bokeh: { params: { have: string | null }; result: { version: string; source: string | null } };
}

/** The lab in one kernel. */
export interface ILab {
  readonly phase: Phase;
  readonly state: LabState;
  /** Ask the kernel; rejects with the kernel's words. Answered while a cell runs, where the kernel has subshells. */
  request<M extends keyof Requests>(method: M, params: Requests[M]['params']): Promise<Requests[M]['result']>;
}

/** The labs of all open notebooks. */
export interface ILabs {
  /** The notebook that was last active, if one is open. */
  readonly notebook: NotebookPanel | null;
  /** The lab of that notebook's kernel. */
  readonly current: ILab | null;
  /** Another notebook is active, or its lab has news. */
  readonly changed: ISignal<ILabs, void>;
  /** A kernel's lab has become ready to answer. */
  readonly connected: ISignal<ILabs, ILab>;
}

export const ILabs = new Token<ILabs>('lepton-lab:ILabs', 'The labs of the open notebooks.');

/** Commands which the palette and the sidebar run. */
export const CommandIDs = {
  show: 'lepton-lab:show',
  load: 'lepton-lab:load',
  /** Writes the `%lepton` line given as the argument `line` into the active notebook and runs it. */
  line: 'lepton-lab:line',
  startCluster: 'lepton-lab:start-cluster'
} as const;
