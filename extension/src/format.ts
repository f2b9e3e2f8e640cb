/** Numbers for a person, as `lepton_lab/display.py` writes them. */

/** Bytes in decimal units: `46.9 MB`. */
export function size(bytes: number): string {
  let value = bytes;
  for (const unit of ['B', 'kB', 'MB', 'GB']) {
    if (Math.abs(value) < 1000) {
      return unit === 'B' ? `${value.toFixed(0)} B` : `${value.toFixed(1)} ${unit}`;
    }
    value /= 1000;
  }
  return `${value.toFixed(1)} TB`;
}

/** Seconds: `3.2 s`, `4 min 05 s`, `2 h 03 min`. */
export function duration(seconds: number): string {
  if (seconds < 60) {
    return `${seconds.toFixed(1)} s`;
  }
  const minutes = Math.floor(Math.round(seconds) / 60);
  const two = (value: number): string => String(value).padStart(2, '0');
  return minutes < 60
    ? `${minutes} min ${two(Math.round(seconds) % 60)} s`
    : `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}

/** A whole number in groups: `60,000`. */
export function count(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `1 row`, `12 rows`. */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

/** A share between 0 and 1: `97.2 %`. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(1)}\u00a0%`;
}
