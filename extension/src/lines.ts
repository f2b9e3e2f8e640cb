/** The `%lepton` lines that buttons stand for. */

/** What `%lepton cluster up` takes, as a form's fields hold it; an empty one is left to the kernel. */
export interface ClusterWish {
  workers: string;
  device: string;
  threads: string;
  memory: string;
  detach: boolean;
}

/** What the field of that name must be; null where it may stand. */
export function complaint(wish: ClusterWish, field: keyof ClusterWish): string | null {
  const text = String(wish[field]).trim();
  switch (field) {
    case 'workers':
    case 'threads':
      return text === '' || /^[1-9]\d*$/.test(text) ? null : 'A whole number from 1 on';
    case 'memory':
      return text === '' || /^\d*\.?\d+\s*([kMGT]i?)?B$/i.test(text) ? null : 'An amount such as 4GB';
    default:
      return null;
  }
}

export function upLine(wish: ClusterWish): string {
  const given = (name: string, text: string): string[] =>
    text.trim() ? [`--${name}`, text.replace(/\s/g, '')] : [];
  return [
    '%lepton cluster up',
    ...given('workers', wish.workers),
    ...given('device', wish.device === 'auto' ? '' : wish.device),
    ...given('threads', wish.threads),
    ...given('memory', wish.memory),
    ...(wish.detach ? ['--detach'] : [])
  ].join(' ');
}

/** `words` after `%lepton`, then a name from the kernel, in quotes where a shell would need them. */
export function lineOf(words: string, name: string | number): string {
  const text = String(name);
  const isPlain = /^[\w@%+=:,./-]+$/.test(text);
  return `%lepton ${words} ${isPlain ? text : `'${text.replaceAll("'", `'"'"'`)}'`}`;
}
