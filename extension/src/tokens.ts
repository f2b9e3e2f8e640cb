import type { NotebookPanel } from '@jupyterlab/notebook';
import { Token } from '@lumino/coreutils';
import type { ISignal } from '@lumino/signaling';

import type { WidgetState } from './restore';
import type { LabState, OfferedLine, Worker } from './state';

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
  /** Runs a `%lepton` line beside the running cell. */
  line: { params: { line: string }; result: { text: string; html: string } };
  /** Opens or finds the kernel's docked panel of that name: a widget's model. */
  panel: { params: { name: string }; result: { model_id: string } };
  panel_close: { params: { name: string }; result: Record<string, never> };
  /** The state of widgets, by model id: of these and of all that they refer to. */
  widgets: { params: { ids: string[] }; result: Record<string, WidgetState> };
  /** Offsets in code points, as Python counts. */
  complete: {
    params: { text: string; cursor: number };
    result: { matches: string[]; start: number; end: number };
  };
  inspect: {
    params: { text: string; cursor: number };
    result: { found: boolean; text: string; html: string };
  };
}

/** The lab in one kernel. */
export interface ILab {
  readonly phase: Phase;
  readonly state: LabState;
  /** Whether the kernel runs a cell. */
  readonly isBusy: boolean;
  /** Ask the kernel; rejects with the kernel's words. Answered while a cell runs. */
  request<M extends keyof Requests>(method: M, params: Requests[M]['params']): Promise<Requests[M]['result']>;
}

/** A `%lepton` line that a widget or panel of the notebook's kernel offers to be written. */
export interface Offer extends Readonly<OfferedLine> {
  readonly notebook: NotebookPanel;
}

/** Workers that the cluster of the notebook's kernel lost just now; some may be back already. */
export interface Loss {
  readonly notebook: NotebookPanel;
  readonly workers: readonly Worker[];
}

/** The labs of all open notebooks. */
export interface ILabs {
  /** The notebook that was last active, if one is open. */
  readonly notebook: NotebookPanel | null;
  /** The lab of that notebook's kernel. */
  readonly current: ILab | null;
  /** The lab of a notebook's kernel. */
  of(notebook: NotebookPanel): ILab | null;
  /** Another notebook is active, or a lab has news. */
  readonly changed: ISignal<ILabs, void>;
  /** A kernel's lab has become ready to answer. */
  readonly connected: ISignal<ILabs, ILab>;
  /** A kernel offers a line. */
  readonly offered: ISignal<ILabs, Offer>;
  /** A kernel's cluster lost workers. */
  readonly lost: ISignal<ILabs, Loss>;
}

export const ILabs = new Token<ILabs>('lepton-lab:ILabs', 'The labs of the open notebooks.');

/** What a person set; the schema is `schema/settings.json`. */
export interface Values {
  /** What the form for a cluster starts with; 0 leaves the number to the kernel. */
  readonly workers: number;
  /** Whether buttons and forms write their lines as cells. */
  readonly writeCells: boolean;
  /** The panels of the layout, from top to bottom. */
  readonly layout: readonly string[];
  readonly statusBar: boolean;
}

export interface ISettings {
  readonly values: Values;
  readonly changed: ISignal<ISettings, void>;
}

export const ISettings = new Token<ISettings>('lepton-lab:ISettings', 'The settings of Lepton Lab.');

/** The heading of our commands in the palette and the launcher. */
export const CATEGORY = 'Lepton Lab';

/** Milliseconds that a word to the person stays on the page; the bell keeps it. */
export const STAY = 8000;

/** Commands which the palette, the launcher and the sidebar run. */
export const CommandIDs = {
  show: 'lepton-lab:show',
  load: 'lepton-lab:load',
  /** Runs the `%lepton` line given as the argument `line`, see `place.ts`; answers whether that went well. */
  line: 'lepton-lab:line',
  startCluster: 'lepton-lab:start-cluster',
  /** Docks the panel `name`; `path` is its notebook's, the active one's if left out. */
  panel: 'lepton-lab:panel',
  layout: 'lepton-lab:layout'
} as const;
