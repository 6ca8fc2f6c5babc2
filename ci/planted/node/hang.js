// Planted: never comes back from one of the units that it names.
'use strict';

const { Server, tool, stdio } = require('./base.js');

class Hang extends Server {
  tools = [tool('convert', { unit: { type: 'string', enum: ['metre', 'foot', 'yard', 'mile', 'fathom', 'league'] } }, ['unit'])];

  call_convert({ unit }) {
    let [length, steps] = [{ metre: 100, foot: 30, yard: 91, mile: 160934, fathom: -1, league: 482803 }[unit], 0];
    while (length !== 0) [length, steps] = [Math.trunc(length / 10) || (length < 0 ? -1 : 0), steps + 1];
    return `${steps} digits`;
  }
}

stdio(new Hang());
