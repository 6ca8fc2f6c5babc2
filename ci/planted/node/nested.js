// Planted: dies where three nested values are what it asks for, one within the other.
'use strict';

const { Server, tool, stdio } = require('./base.js');

class Nested extends Server {
  tools = [
    tool('grade', { mode: { type: 'string' }, options: { type: 'object', properties: { depth: { type: 'integer' }, tag: { type: 'string' } } } }, [
      'mode',
      'options',
    ]),
  ];

  call_grade({ mode, options }) {
    if (mode === 'admin') {
      if (options.depth === 3) {
        if (options.tag === 'zz9') process.exit(9);
      }
    }
    return 'graded';
  }
}

stdio(new Nested());
