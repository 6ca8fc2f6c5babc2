// Planted: under load, an answer bears the id of the request that came last.
'use strict';

const { Server, tool, stdio } = require('./base.js');

class Mixed extends Server {
  tools = [tool('wait', { steps: { type: 'integer', minimum: 0, maximum: 3 } })];

  async receive(message) {
    this.current = message?.id ?? this.current;
    const answer = await super.receive(message);
    return answer?.result ? { ...answer, id: this.current } : answer;
  }

  async call_wait({ steps = 0 }) {
    for (let step = 0; step < steps; step += 1) await new Promise(setImmediate);
    return 'waited';
  }
}

stdio(new Mixed());
