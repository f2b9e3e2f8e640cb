/** The `%lepton` line by which a message says that it can be mended. */

/** A line ends at a bracket, a mark, or the end of its sentence. */
const LINE = /%lepton [a-z][^,;()`]*?(?=[,;()`]|\.?$|\.\s)/;
/** What a person would have to fill in: `MODEL`, `...`, an option without its value. */
const OPEN = /\b[A-Z]{2,}\b|\.\.|\s--[\w-]+$/;

/** The first such line that can be run as it is; null where there is none. */
export function mendOf(message: string): string | null {
  const line = LINE.exec(message)?.[0].trim() ?? '';
  return line === '' || OPEN.test(line) ? null : line;
}

/** What a button that runs the line is called. */
export function labelOf(line: string): string {
  return line === '%lepton cluster up' || line.startsWith('%lepton cluster up ')
    ? 'Start cluster'
    : line.replace('%lepton ', '');
}
