const KEY = 'lepton-lab:folded';

/** Which sections are folded, remembered by the browser. */
export const folded = {
  has: (title: string): boolean => read().includes(title),
  set: (title: string, isFolded: boolean): void => {
    const others = read().filter(other => other !== title);
    try {
      localStorage.setItem(KEY, JSON.stringify(isFolded ? [...others, title] : others));
    } catch {
      // a browser that keeps nothing shows all sections next time
    }
  }
};

function read(): string[] {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(KEY) ?? '[]');
    return Array.isArray(value) ? value.map(String) : [];
  } catch {
    return [];
  }
}
