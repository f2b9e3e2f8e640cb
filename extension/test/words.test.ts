import { describe, expect, it } from 'vitest';

import { codePoints, leptonPart, utf16Units, wordAt } from '../src/words';

describe('leptonPart', () => {
  const source = 'a = 1\nr = %lepton train cnn\n%time x';

  it('finds the line of the position, without what it is bound to', () => {
    expect(leptonPart(source, 20)).toEqual({ text: '%lepton train cnn', start: 10 });
    expect(leptonPart('%lepton ', 8)).toEqual({ text: '%lepton ', start: 0 });
  });

  it('finds nothing elsewhere', () => {
    expect(leptonPart(source, 2)).toBeNull();
    expect(leptonPart(source, 7)).toBeNull();
    expect(leptonPart(source, source.length)).toBeNull();
    expect(leptonPart("print('%lepton train')", 12)).toBeNull();
    expect(leptonPart('', 0)).toBeNull();
  });

  it('takes the whole of a %%lepton cell', () => {
    const cell = '%%lepton model make\nreturn 1';
    expect(leptonPart(cell, 25)).toEqual({ text: cell, start: 0 });
  });
});

describe('offsets', () => {
  it('counts code points as Python does, and back', () => {
    const text = 'a\u{1f600}b';
    expect([0, 1, 3, 4].map(units => codePoints(text, units))).toEqual([0, 1, 2, 3]);
    expect([0, 1, 2, 3].map(points => utf16Units(text, points))).toEqual([0, 1, 3, 4]);
  });
});

describe('wordAt', () => {
  it('ends at blanks', () => {
    expect(wordAt('%lepton train cnn', 9)).toEqual({ from: 8, to: 13 });
    expect(wordAt('%lepton train cnn', 13)).toEqual({ from: 8, to: 13 });
    expect(wordAt('a  b', 2)).toBeNull();
  });
});
