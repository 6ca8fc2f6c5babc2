// Nothing is wrong with this one: over stdio, or over HTTP where a port is given.
'use strict';

const { Server, tool, stdio, serve } = require('./base.js');

class Control extends Server {
  tools = [
    tool('remember', { text: { type: 'string' } }, ['text']),
    tool('recall', {}),
    tool('wait', { steps: { type: 'integer', minimum: 0, maximum: 3 } }),
  ];
  kept = '';

  call_remember({ text }) {
    this.kept = text;
    return 'remembered';
  }

  call_recall() {
    return this.kept.toWellFormed?.() ?? this.kept;
  }

  async call_wait({ steps = 0 }) {
    for (let step = 0; step < steps; step += 1) await new Promise(setImmediate);
    return 'waited';
  }
}

if (process.argv[2] === undefined) stdio(new Control());
else serve(() => new Control());
