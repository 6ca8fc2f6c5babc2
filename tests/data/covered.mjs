// A program for the test of coverage in Node: as many forms of the language as branch, compare or stand in the way.
import readline from 'node:readline';
import process, { stdout as out } from 'node:process';

const KINDS = { twelve: 12, admin: 'yes' };
const NAMES = new Set(['alpha', "beta"]);
const short = (word) => (word.length < 3 ? word : `${word.slice(0, 2)}…`);
const order = (a, b) => a < b || a /* not < */ > b;

class Word {
  static #made = 0;
  #text;
  constructor(text = '') { this.#text = text; Word.#made++; }
  get text() { return this.#text }
  static is(value) { return #text in value }
  *letters() { for (const letter of this.#text) yield letter; }
  async later() { await null; return this?.text ?? 'none' }
}

function kind(word) {
  'use strict';
  switch (word) { case 'switch': { return 'chosen' } case "alpha": case 'beta': return 'greek'; default: }
  if (word in KINDS) return KINDS[word]; else if (NAMES.has(word)) return 1
  else do word = word.slice(1); while (word.length > 3)
  outer: for (let i = 0; i < 3; i++) for (;;) { if (i === 1) continue outer; break }
  return typeof word === 'string' && word != null && (word === 'zz9', word == "zz9") ? 'z' : word > 'm'
}

const answer = async (line) => {
  const [{ length, [0]: first = 'none' }, ...rest] = [line, ...line];
  const word = new Word(line), { text, missing = text || 'empty' } = word;
  try {
    if (line === 'throw') throw new TypeError(`thrown ${length}`);
    if (line.startsWith('[')) return JSON.parse(line).at?.(0) ?? (() => ({ none: true }))();
  } catch ({ name, message }) { return [name, message] } finally { rest.length = Math.min(rest.length, 2) }
  const tagged = String.raw`\n${short(line)}\t`, matched = /[<>=]=?|\/(?:a|b)/.test(line), f = function () {}, g = () => {};
  return [first, rest, text, missing, tagged, matched, f.name, g.name, kind(line), order(line, 'm'), Word.is(word), [...word.letters()].length,
    await word.later(), line === 'admin' ? +1 : -1, -1 < line.length].map((each) => each === undefined ? null : each)
}

readline.createInterface({ input: process.stdin }).on('line', async (line) => out.write(JSON.stringify(await answer(line)) + '\n'));
