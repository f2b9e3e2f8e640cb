/**
 * Where `%lepton` text stands in a cell. JavaScript counts UTF-16 units, Python code points; what goes to the kernel and
 * comes back counts code points.
 */

export interface Part {
  /** From the magic's name on, to the end of its line or, for `%%lepton`, of the cell. */
  text: string;
  /** Where it begins in the cell, in UTF-16 units. */
  start: number;
}

/** The line's magic may stand behind `name = `. */
const LINE = /^\s*(?:[\w.,\s]+=\s*)?(?=%lepton\s)/;

/** The part of a cell's source that a position belongs to; null if that is none of ours. Position in UTF-16 units. */
export function leptonPart(source: string, position: number): Part | null {
  if (/^%%lepton\s/.test(source)) {
    return { text: source, start: 0 };
  }
  const begin = source.lastIndexOf('\n', position - 1) + 1;
  const newline = source.indexOf('\n', begin);
  const line = source.slice(begin, newline === -1 ? undefined : newline);
  const before = LINE.exec(line)?.[0].length;
  return before === undefined || position < begin + before
    ? null
    : { text: line.slice(before), start: begin + before };
}

/** How many code points the first `units` UTF-16 units of a text are. */
export function codePoints(text: string, units: number): number {
  return [...text.slice(0, units)].length;
}

/** How many UTF-16 units the first `points` code points of a text are. */
export function utf16Units(text: string, points: number): number {
  return [...text].slice(0, points).join('').length;
}

/** The word around a position, which ends at blanks; null on a blank. */
export function wordAt(text: string, position: number): { from: number; to: number } | null {
  const from = position - (/\S*$/.exec(text.slice(0, position))?.[0].length ?? 0);
  const to = position + (/^\S*/.exec(text.slice(position))?.[0].length ?? 0);
  return from < to ? { from, to } : null;
}
