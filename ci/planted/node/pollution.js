// Planted: merges what a client sends into its settings, the prototype of all objects included, and trips over it later.
'use strict';

const { Server, tool, stdio } = require('./base.js');

const CATALOGUE = { configure: ['settings'], show: [] };

function merge(target, source) {
  for (const key of Object.keys(source)) {
    if (typeof source[key] === 'object' && source[key] !== null) merge((target[key] ??= {}), source[key]);
    else target[key] = source[key];
  }
}

class Pollution extends Server {
  settings = {};

  list() {
    const listed = [];
    for (const name in CATALOGUE) {
      const properties = CATALOGUE[name].map((property) => [property, { type: 'object' }]);
      listed.push(tool(name, Object.fromEntries(properties), CATALOGUE[name]));
    }
    return listed;
  }

  call_configure({ settings }) {
    merge(this.settings, settings);
    return 'configured';
  }

  call_show() {
    return `${Object.keys(this.settings).length} settings`;
  }
}

stdio(new Pollution());
