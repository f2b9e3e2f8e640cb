import { Fragment, useState } from 'react';

import { folded } from '../folded';

/** What sections do: run a `%lepton` line, or dock a panel. */
export interface Actions {
  /** Resolves with whether it went well; what went wrong has been shown. */
  run: (line: string) => Promise<boolean>;
  panel: (name: string) => void;
}

interface SectionProps {
  title: string;
  /** Shown beside the title, such as a number of things. */
  detail?: string | number;
  children: React.ReactNode;
}

export function Section({ title, detail, children }: SectionProps): JSX.Element {
  // only at first: were it kept here, a render after a second click would undo that click
  const [isOpen] = useState(() => !folded.has(title));
  const remember = (event: React.SyntheticEvent<HTMLDetailsElement>): void =>
    folded.set(title, !event.currentTarget.open);
  return (
    <details className="lepton-Sidebar-section" open={isOpen} onToggle={remember}>
      <summary>
        <h3>{title}</h3>
        {detail !== undefined && detail !== 0 && <span className="lepton-Sidebar-detail">{detail}</span>}
      </summary>
      <div className="lepton-Sidebar-content">{children}</div>
    </details>
  );
}

interface ButtonProps {
  children: React.ReactNode;
  /** The name for those who don't see what stands around the button. */
  label?: string;
  /** Shown as its tooltip. */
  title?: string;
  isMain?: boolean;
  disabled?: boolean;
  type?: 'button' | 'submit';
  onClick?: () => void;
}

export function Button({
  children,
  label,
  title,
  isMain,
  disabled,
  type,
  onClick
}: ButtonProps): JSX.Element {
  return (
    <button
      type={type ?? 'button'}
      className={isMain ? 'lepton-Sidebar-button lepton-Sidebar-main' : 'lepton-Sidebar-button'}
      aria-label={label}
      title={title}
      aria-disabled={disabled} // not `disabled`, which would take the focus away from who works by keyboard
      onClick={disabled ? undefined : onClick}
    >
      {children}
    </button>
  );
}

interface LineButtonProps {
  children: React.ReactNode;
  label?: string;
  line: string;
  actions: Actions;
}

/** A button that stands for a line, which is its tooltip; it rests while the line is at work. */
export function LineButton({ line, actions, ...rest }: LineButtonProps): JSX.Element {
  const [isAtWork, setAtWork] = useState(false);
  const click = async (): Promise<void> => {
    setAtWork(true);
    try {
      await actions.run(line);
    } finally {
      setAtWork(false);
    }
  };
  return <Button title={line} disabled={isAtWork} onClick={() => void click()} {...rest} />;
}

interface PanelButtonProps {
  name: string;
  /** Those that the kernel has. */
  panels: readonly string[];
  actions: Actions;
  label?: string;
  children: React.ReactNode;
}

export function PanelButton({ name, panels, actions, ...rest }: PanelButtonProps): JSX.Element | null {
  return panels.includes(name) ? (
    <Button title={`Open the panel "${name}"`} onClick={() => actions.panel(name)} {...rest} />
  ) : null;
}

export function Empty({ children }: { children: React.ReactNode }): JSX.Element {
  return <p className="lepton-Sidebar-empty">{children}</p>;
}

interface FactsProps {
  /** Those that are not true are left out. */
  facts: (string | false)[];
  separator: string;
}

/** Short facts in a line, which breaks between them only. */
export function Facts({ facts, separator }: FactsProps): JSX.Element {
  const shown = facts.filter(Boolean);
  return (
    <>
      {shown.map((fact, index) => (
        <Fragment key={index}>
          {index > 0 && separator}
          <span className="lepton-Sidebar-fact">{fact}</span>
        </Fragment>
      ))}
    </>
  );
}

export function Item({ name, detail, children }: ItemProps): JSX.Element {
  return (
    <li className="lepton-Sidebar-item">
      <div className="lepton-Sidebar-line">
        <b title={name}>{name}</b>
        {children && <span className="lepton-Sidebar-buttons">{children}</span>}
      </div>
      <div className="lepton-Sidebar-detail">{detail}</div>
    </li>
  );
}

interface ItemProps {
  name: string;
  detail: React.ReactNode;
  /** Buttons. */
  children?: React.ReactNode;
}

interface BarProps {
  label: string;
  /** 0 to 1; null where it can't be told. */
  share: number | null;
  /** What the bar says in words. */
  text: string;
}

export function Bar({ label, share, text }: BarProps): JSX.Element {
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

/** A row of a grid of meters: what is measured, its bar, its figure. */
export function Meter({ name, ...bar }: BarProps & { name: string }): JSX.Element {
  return (
    <>
      <span>{name}</span>
      <Bar {...bar} />
      <span className="lepton-Sidebar-number">{bar.text}</span>
    </>
  );
}
