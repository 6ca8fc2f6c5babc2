// Reports what a Node program does to mcp-litmus: blocks entered, values compared, literals met.
//
// Node loads this before all else. Source is instrumented as it is loaded, with the parser that Node itself ships. The
// hook never prints, never throws, and changes nothing that the program does. The layout of the map is described in
// src/fuzz/coverage/map.rs.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { fileURLToPath } = require('node:url');
const { isProxy } = require('node:util').types;
const { isMainThread } = require('node:worker_threads');

const HEADER = 0x10000;
const TOUCHED = { length: 4, start: 0x11000, room: 0x40000 };
const OPERANDS = { length: 8, start: 0x51000, room: 0x20000 };
const CONSTANTS = { length: 12, start: 0x71000, room: 0x20000 };
const [MEMBERS, PAIRS, LONGEST] = [16, 256, 128];
const NAME = '__litmus_coverage';

// ---- what the program calls ----------------------------------------------------------------------------------------

class Recorder {
  constructor(file) {
    this.file = fs.openSync(file, 'r+');
    this.hits = new Uint8Array(65536);
    this.touched = [];
    this.pairs = new Map();
    this.literals = [];
    this.header = Buffer.alloc(20);
    this.wanted = true;
  }

  block(edge) {
    if (this.hits[edge] === 0) this.touched.push(edge);
    if (this.hits[edge] < 255) this.hits[edge]++;
  }

  isFull() {
    return !this.wanted || this.pairs.size >= PAIRS;
  }

  compared(left, right) {
    if (left === right || this.isFull()) return;
    const a = plain(left);
    if (a === undefined) return;
    const b = plain(right);
    if (b === undefined) return;
    this.pairs.set(`[${a},${b}]`, true);
  }

  among(value, members) {
    if (this.isFull() || typeof value !== 'string') return;
    let left = MEMBERS;
    for (const member of members) {
      if (left-- === 0) break;
      this.compared(value, member);
    }
  }

  // Writes down all since the last time. Called before the program says anything, so that whoever reads what it said
  // finds in the map what led to it.
  flush() {
    if (this.touched.length === 0 && this.pairs.size === 0 && this.literals.length === 0) return;
    try {
      fs.readSync(this.file, this.header, 0, 20, HEADER);
      this.wanted = this.header.readUInt32LE(16) !== 0;
      if (this.touched.length > 0) {
        const entries = Buffer.allocUnsafe(this.touched.length * 4);
        this.touched.forEach((edge, index) => {
          entries.writeUInt32LE(edge + this.hits[edge] * 65536, index * 4);
          this.hits[edge] = 0;
        });
        this.touched = [];
        this.append(TOUCHED, entries);
      }
      if (this.pairs.size > 0) {
        this.append(OPERANDS, Buffer.from([...this.pairs.keys()].join('\n') + '\n'));
        this.pairs.clear();
      }
      while (this.literals.length > 0) this.append(CONSTANTS, Buffer.from(this.literals.splice(0, 100).join('\n') + '\n'));
    } catch {
      // A program without coverage is better than none.
    }
  }

  append(tape, bytes) {
    const at = this.header.readUInt32LE(tape.length);
    if (at + bytes.length > tape.room) return;
    write(this.file, bytes, tape.start + at);
    this.header.writeUInt32LE(at + bytes.length, tape.length);
    write(this.file, this.header.subarray(tape.length, tape.length + 4), HEADER + tape.length);
  }
}

const { writeSync } = fs;
const write = (file, bytes, at) => writeSync(file, bytes, 0, bytes.length, at);

function plain(value) {
  switch (typeof value) {
    case 'string':
      return value.length <= LONGEST ? JSON.stringify(value) : undefined;
    case 'number':
      return Number.isFinite(value) ? String(value) : undefined;
    case 'bigint':
      return value < 2n ** 256n && value > -(2n ** 256n) ? String(value) : undefined;
    case 'boolean':
      return String(value);
    case 'undefined':
      return 'null';
    default:
      return value === null ? 'null' : undefined;
  }
}

// What instrumented code calls: each does what the code did before, and keeps its order.
function callbacks(recorder) {
  const seen = (left, right, result) => {
    recorder.compared(left, right);
    return result;
  };
  const callback = (edge) => recorder.block(edge);
  return Object.assign(callback, {
    '===': (a, b) => seen(a, b, a === b),
    '!==': (a, b) => seen(a, b, a !== b),
    '==': (a, b) => seen(a, b, a == b),
    '!=': (a, b) => seen(a, b, a != b),
    '<': (a, b) => seen(a, b, a < b),
    '<=': (a, b) => seen(a, b, a <= b),
    '>': (a, b) => seen(a, b, a > b),
    '>=': (a, b) => seen(a, b, a >= b),
    // The value of a `switch`, and each `case` that it is held against.
    subject: (value) => (callback.chosen = value),
    against: (value) => seen(callback.chosen, value, value),
    chosen: undefined,
    // The first argument of a method that may compare, before the call.
    look: (object, value) => {
      if (typeof object === 'string') recorder.compared(object, value);
      else if (Array.isArray(object) || object instanceof Set) recorder.among(value, object);
      else if (object instanceof Map) recorder.among(value, object.keys());
      return value;
    },
    // The name of a property that is not known before. All names of an object are only asked for while there is room: who
    // visits each of them would ask each time.
    key: (object, name) => {
      const hasNames = typeof object === 'object' && object !== null && !Array.isArray(object);
      if (typeof name === 'string' && hasNames && !recorder.isFull() && !isProxy(object)) {
        recorder.among(name, Object.keys(object));
      }
      return name;
    },
  });
}

// ---- what the program becomes --------------------------------------------------------------------------------------

let acorn;

function parser() {
  // Node deprecates this way to its own sources, and has no other for those who bring no parser along.
  const source = process.binding('natives')['internal/deps/acorn/acorn/dist/acorn'];
  const module = { exports: {} };
  new Function('exports', 'module', source)(module.exports, module);
  return module.exports;
}

// The source with calls added, on the same lines, and its literals; as it was where it cannot be read.
function instrument(source, file, sourceType) {
  try {
    acorn ??= parser();
    const script = sourceType === 'script';
    const options = { ecmaVersion: 'latest', sourceType, allowHashBang: true, allowReturnOutsideFunction: script };
    const rewriter = new Rewriter(source, checkSum(file.split(path.sep).slice(-2).join('/')));
    return { text: rewriter.render(acorn.parse(source, options), null), literals: [...rewriter.literals] };
  } catch {
    return { text: source, literals: [] };
  }
}

// The same in every process.
function checkSum(words) {
  let value = 0;
  for (const word of words) value = (Math.imul(value, 31) + word.codePointAt(0)) | 0;
  return value;
}

const COMPARES = /^(?:[=!]==?|[<>]=?)$/;
const METHODS = /^(?:startsWith|endsWith|includes|indexOf|localeCompare|has|get)$/;

class Rewriter {
  constructor(source, base) {
    this.source = source;
    this.base = base;
    this.literals = new Set();
  }

  // The text of a node, with that of its children in place of theirs, wrapped as its parent needs it. Calls begin with a
  // space, since a word may stand right before them, as in `case'a'`.
  render(node, parent) {
    this.keep(node, parent);
    const text = node.type === 'BinaryExpression' ? this.comparison(node) : this.inside(node, node.start, node.end);
    return this.wrapped(node, parent, text);
  }

  inside(node, start, end) {
    let text = '';
    let last = start;
    for (const child of children(node)) {
      // Names that stand for two things at once, as in `{name}`, are there twice.
      if (child.start < last || child.end > end) continue;
      text += this.source.slice(last, child.start) + this.render(child, node);
      last = child.end;
    }
    return text + this.source.slice(last, end);
  }

  comparison(node) {
    const { left, right, operator } = node;
    if (!COMPARES.test(operator) || [left, right].some(isDull)) return this.inside(node, node.start, node.end);
    const between = this.source.slice(left.end, right.start);
    const at = between.replace(/\/\*[^]*?\*\/|\/\/.*/g, (comment) => ' '.repeat(comment.length)).indexOf(operator);
    return (
      ` ${NAME}['${operator}'](${this.source.slice(node.start, left.start)}${this.render(left, node)}` +
      `${between.slice(0, at)},${between.slice(at + operator.length)}${this.render(right, node)}` +
      `${this.source.slice(right.end, node.end)})`
    );
  }

  wrapped(node, parent, text) {
    const call = `${NAME}(${(this.base + Math.imul(node.start, 0x9e3779b1)) >>> 16})`;
    const isValue = (name) => parent[name] === node;
    const statement = () => (node.type === 'BlockStatement' ? `{${call};${text.slice(1)}` : `{${call};${text}}`);
    switch (parent?.type) {
      case 'FunctionDeclaration':
      case 'FunctionExpression':
      case 'ArrowFunctionExpression':
        if (!isValue('body')) return text;
        return node.type === 'BlockStatement' ? this.entered(node, call) : `(${call},${text})`;
      case 'IfStatement':
        return isValue('consequent') || isValue('alternate') ? statement() : text;
      case 'ForStatement':
      case 'ForInStatement':
      case 'ForOfStatement':
      case 'WhileStatement':
      case 'DoWhileStatement':
        return isValue('body') ? statement() : text;
      case 'CatchClause':
        return isValue('body') ? statement() : text;
      case 'SwitchStatement':
        return isValue('discriminant') ? ` ${NAME}.subject(${text})` : text;
      case 'SwitchCase':
        if (isValue('test')) return ` ${NAME}.against(${text})`;
        return parent.consequent[0] === node ? `${call};${text}` : text;
      case 'ConditionalExpression':
        return isValue('test') ? text : `(${call},${text})`;
      case 'LogicalExpression':
        return isValue('right') ? `(${call},${text})` : text;
      case 'CallExpression':
        return this.argument(node, parent, text);
      case 'MemberExpression':
        if (!parent.computed || !isValue('property') || node.type === 'Literal') return text;
        return parent.object.type === 'Identifier' ? ` ${NAME}.key(${parent.object.name},${text})` : text;
      case 'BinaryExpression':
        if (parent.operator !== 'in' || !isValue('left') || node.type === 'PrivateIdentifier') return text;
        return parent.right.type === 'Identifier' ? ` ${NAME}.key(${parent.right.name},${text})` : text;
      default:
        return text;
    }
  }

  // A function's body: directives such as 'use strict' stay first.
  entered(block, call) {
    const first = block.body.findIndex((statement) => !statement.directive);
    const at = first === 0 || block.body.length === 0 ? block.start + 1 : block.body.at(first - 1).end;
    return `${this.inside({ body: block.body.slice(0, Math.max(first, 0)) }, block.start, at)};${call};${this.rest(block, at)}`;
  }

  rest(block, at) {
    return this.inside({ body: block.body.filter((statement) => statement.start >= at) }, at, block.end);
  }

  argument(node, parent, text) {
    const { callee } = parent;
    const method = callee.type === 'MemberExpression' && !callee.computed && METHODS.test(callee.property.name);
    if (!method || parent.arguments[0] !== node || node.type === 'SpreadElement') return text;
    const { object } = callee;
    const isList = object.type === 'ArrayExpression' && object.elements.every((each) => each?.type === 'Literal');
    if (object.type !== 'Identifier' && !isList) return text;
    return ` ${NAME}.look(${this.source.slice(object.start, object.end)},${text})`;
  }

  keep(node, parent) {
    const value = node.type === 'Literal' ? node.value : node.type === 'TemplateElement' ? node.value.cooked : '';
    if (value === '' || parent?.type.match(/^(?:Import|Export)/) || [0, 1, 2, null].includes(value)) return;
    const written = typeof value === 'boolean' || /\n/.test(String(value)) ? undefined : plain(value);
    if (written) this.literals.add(written);
  }
}

function children(node) {
  const found = [];
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (typeof child?.type === 'string' && typeof child.start === 'number') found.push(child);
    }
  }
  return found.sort((a, b) => a.start - b.start || b.end - a.end);
}

// What says nothing of the values that the program knows.
function isDull(node) {
  if (node.type === 'UnaryExpression') return node.operator === 'typeof' || node.operator === 'void';
  return (node.type === 'Literal' && node.value === null) || node.type === 'PrivateIdentifier' || node.name === 'undefined';
}

// ---- which files count, and how they are met -----------------------------------------------------------------------

class Scope {
  constructor(words, main) {
    this.everything = words.includes('packages');
    this.packages = new Set([...words, packageOf(main)]);
  }

  holds(file) {
    const name = packageOf(file);
    return this.everything || name === undefined || this.packages.has(name);
  }
}

function packageOf(file) {
  const parts = String(file).split(path.sep);
  const at = parts.lastIndexOf('node_modules') + 1;
  if (at === 0) return undefined;
  return parts[at]?.startsWith('@') ? `${parts[at]}/${parts[at + 1]}` : parts[at];
}

function start() {
  const main = real(process.argv[1] ?? '');
  // What starts the program is not the program.
  if (['npm', 'pnpm', 'yarn', 'corepack'].includes(packageOf(main))) return;
  const recorder = new Recorder(process.env.LITMUS_COVERAGE_MAP);
  const scope = new Scope(scopeWords(), main);
  Object.defineProperty(globalThis, NAME, { value: callbacks(recorder) });
  const changed = (source, file, kind) => {
    if (!scope.holds(file)) return source;
    const { text, literals } = instrument(source, file, kind);
    recorder.literals.push(...literals);
    return text;
  };

  const module = require('node:module');
  const compile = module.prototype._compile;
  module.prototype._compile = function (content, file, ...rest) {
    const text = typeof content === 'string' ? changed(content, file, 'script') : content;
    return compile.call(this, text, file, ...rest);
  };
  if (module.registerHooks) {
    module.registerHooks({ load: (url, context, next) => loaded(next(url, context), url, changed) });
  } else if (module.register) {
    const loader = `import { createRequire } from 'node:module';
      const hook = createRequire(${JSON.stringify(__filename)})(${JSON.stringify(__filename)});
      export const load = hook.loader(${JSON.stringify(main)});`;
    module.register(`data:text/javascript,${encodeURIComponent(loader)}`);
  }

  const before = (object, name) => {
    const original = object[name];
    object[name] = function (...rest) {
      recorder.flush();
      return original.apply(this, rest);
    };
  };
  const { Socket } = require('node:net');
  before(Socket.prototype, '_write');
  before(Socket.prototype, '_writev');
  for (const name of ['write', 'writeSync', 'writev', 'writevSync']) before(fs, name);
  module.syncBuiltinESMExports();
  process.on('exit', () => recorder.flush());
}

// What a module becomes that was read, as `load` hooks return it.
function loaded(result, url, changed) {
  if (result.format === 'module' && result.source && url.startsWith('file:')) {
    const source = typeof result.source === 'string' ? result.source : Buffer.from(result.source).toString();
    return { ...result, source: changed(source, fileURLToPath(url), 'module') };
  }
  return result;
}

// The `load` hook of the thread that reads modules, in versions where that is another one.
exports.loader = (main) => {
  const recorder = new Recorder(process.env.LITMUS_COVERAGE_MAP);
  const scope = new Scope(scopeWords(), main);
  return async (url, context, next) =>
    loaded(await next(url, context), url, (source, file, kind) => {
      if (!scope.holds(file)) return source;
      const { text, literals } = instrument(source, file, kind);
      recorder.literals.push(...literals);
      recorder.flush();
      return text;
    });
};

const scopeWords = () => (process.env.LITMUS_COVERAGE_SCOPE ?? 'own').split(',').map((word) => word.trim());

function real(file) {
  try {
    return fs.realpathSync(file);
  } catch {
    return file;
  }
}

if (process.env.LITMUS_COVERAGE_MAP && isMainThread) {
  try {
    start();
  } catch {
    // A program without coverage is better than none.
  }
}
