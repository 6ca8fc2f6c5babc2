// What the planted servers in Node share: MCP over stdio or Streamable HTTP in two revisions, by hand, with tools whose
// arguments are checked.
'use strict';

const http = require('node:http');
const { randomUUID } = require('node:crypto');

const REVISIONS = ['2025-06-18', '2025-11-25'];
const [PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS] = [-32700, -32600, -32601, -32602];
const INVALID = Symbol('not JSON');

class Refusal extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const has = Object.hasOwn;

function tool(name, properties, required = []) {
  const inputSchema = { type: 'object', properties, required, additionalProperties: false };
  return { name, description: `Does ${name}`, inputSchema, annotations: { readOnlyHint: true } };
}

// One session. Subclasses have `tools`, and a method `call_NAME(arguments)` that returns text for each.
class Server {
  revision = null;
  tools = [];

  // The answer to a message, undefined where none is due.
  async receive(message) {
    let id;
    try {
      if (message === INVALID) throw new Refusal(PARSE_ERROR, 'not JSON');
      if (!isObject(message) || message.jsonrpc !== '2.0') throw new Refusal(INVALID_REQUEST, 'not a JSON-RPC 2.0 message');
      if (!has(message, 'method') && (has(message, 'result') || has(message, 'error'))) return undefined;
      if (typeof message.method !== 'string') throw new Refusal(INVALID_REQUEST, 'the method is not a string');
      if (!has(message, 'id')) return undefined;
      if (typeof message.id !== 'string' && !Number.isSafeInteger(message.id)) {
        throw new Refusal(INVALID_REQUEST, 'the id is neither a string nor an integer');
      }
      id = message.id;
      const params = message.params === undefined ? {} : message.params;
      if (!isObject(params)) throw new Refusal(INVALID_PARAMS, 'params is not an object');
      return { jsonrpc: '2.0', id, result: await this.result(message.method, params) };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const known = id !== undefined ? { id } : this.revision === '2025-11-25' ? {} : { id: null };
      return { jsonrpc: '2.0', ...known, error: { code: error.code, message: error.message } };
    }
  }

  async result(method, params) {
    if (method === 'initialize') return this.initialize(params);
    if (method === 'ping') return {};
    if (this.revision === null) throw new Refusal(INVALID_REQUEST, 'not initialized');
    if (method === 'tools/list') {
      if (has(params, 'cursor')) throw new Refusal(INVALID_PARAMS, 'unknown cursor');
      return { tools: this.list() };
    }
    if (method === 'tools/call') return this.call(params);
    throw new Refusal(METHOD_NOT_FOUND, 'unknown method');
  }

  initialize({ protocolVersion, capabilities, clientInfo }) {
    if (typeof protocolVersion !== 'string' || !isObject(capabilities)) {
      throw new Refusal(INVALID_PARAMS, 'initialize needs protocolVersion and capabilities');
    }
    if (!isObject(clientInfo) || typeof clientInfo.name !== 'string' || typeof clientInfo.version !== 'string') {
      throw new Refusal(INVALID_PARAMS, 'initialize needs clientInfo with name and version');
    }
    this.revision = REVISIONS.includes(protocolVersion) ? protocolVersion : REVISIONS.at(-1);
    const serverInfo = { name: this.constructor.name.toLowerCase(), version: '1.0.0' };
    return { protocolVersion: this.revision, capabilities: { tools: {} }, serverInfo };
  }

  list() {
    return this.tools;
  }

  async call(params) {
    const known = this.list().find((one) => one.name === params.name);
    if (!known) throw new Refusal(INVALID_PARAMS, 'unknown tool');
    const problem = invalid(known.inputSchema, params.arguments === undefined ? {} : params.arguments, 'arguments');
    const text = problem ?? (await this[`call_${known.name}`](params.arguments ?? {}));
    return { content: [{ type: 'text', text }], isError: problem !== undefined };
  }
}

// What is wrong with a value, in words; undefined where nothing is.
function invalid(schema, value, name) {
  const kinds = { string: 'string', integer: 'number', boolean: 'boolean' };
  if (schema.type === 'object' ? !isObject(value) : typeof value !== kinds[schema.type]) return `${name} must be of type ${schema.type}`;
  if (schema.type === 'integer' && !Number.isInteger(value)) return `${name} must be of type integer`;
  if (schema.enum && !schema.enum.includes(value)) return `${name} must be one of ${schema.enum.join(', ')}`;
  if (schema.type === 'integer' && (value < (schema.minimum ?? value) || value > (schema.maximum ?? value))) return `${name} is out of range`;
  if (schema.type === 'object') {
    for (const key of schema.required ?? []) if (!has(value, key)) return `${name} lacks ${key}`;
    for (const key of Object.keys(value)) {
      if (has(schema.properties ?? {}, key)) {
        const problem = invalid(schema.properties[key], value[key], key);
        if (problem) return problem;
      } else if (schema.additionalProperties === false) return `${name} has a member that is not known`;
    }
  }
  return undefined;
}

function parse(bytes) {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return INVALID;
  }
}

function stdio(server) {
  let pieces = [];
  process.stdin.on('data', (chunk) => {
    for (let end; (end = chunk.indexOf(10)) >= 0; chunk = chunk.subarray(end + 1)) {
      const line = Buffer.concat([...pieces, chunk.subarray(0, end)]);
      pieces = [];
      if (line.toString().trim() === '') continue;
      server.receive(parse(line)).then((answer) => answer && process.stdout.write(`${JSON.stringify(answer)}\n`));
    }
    pieces.push(chunk);
  });
}

// One endpoint, /mcp, with sessions; answers are JSON, and there is no stream to listen on.
function serve(create) {
  const sessions = new Map();
  const local = (name) => ['127.0.0.1', 'localhost', '[::1]'].includes(name);
  const hostOf = (text) => {
    try {
      return new URL(text).hostname;
    } catch {
      return undefined;
    }
  };
  const listener = http.createServer((request, response) => {
    const pieces = [];
    request.on('error', () => {});
    request.on('data', (piece) => pieces.push(piece));
    request.on('end', async () => {
      const reply = (status, body, headers = {}) => {
        response.writeHead(status, { ...(body && { 'Content-Type': 'application/json' }), ...headers });
        response.end(body && JSON.stringify(body));
      };
      const { origin, host, accept = '*/*' } = request.headers;
      if ((origin !== undefined && !local(hostOf(origin))) || !local(hostOf(`http://${host}`))) return reply(403);
      if (new URL(request.url, 'http://localhost').pathname !== '/mcp') return reply(404);
      const id = request.headers['mcp-session-id'];
      if (request.method === 'DELETE') return reply(id === undefined ? 400 : sessions.delete(id) ? 204 : 404);
      if (request.method !== 'POST') return reply(405, undefined, { Allow: 'POST, DELETE' });
      if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '')) return reply(415);
      if (!/application\/(json|\*)|\*\/\*/i.test(accept)) return reply(406);
      const version = request.headers['mcp-protocol-version'];
      const refused = (status, message) => reply(status, { jsonrpc: '2.0', id: null, error: { code: INVALID_REQUEST, message } });
      if (version !== undefined && !REVISIONS.includes(version)) return refused(400, 'unsupported protocol version');
      const message = parse(Buffer.concat(pieces));
      const opening = isObject(message) && message.method === 'initialize' && has(message, 'id') && id === undefined;
      if (!opening && id === undefined) return refused(400, 'no session');
      if (!opening && !sessions.has(id)) return refused(404, 'unknown session');
      const server = opening ? create() : sessions.get(id);
      const answer = await server.receive(message);
      const opened = opening && answer?.result ? { 'Mcp-Session-Id': randomUUID() } : {};
      if (opened['Mcp-Session-Id']) sessions.set(opened['Mcp-Session-Id'], server);
      const bad = [PARSE_ERROR, INVALID_REQUEST].includes(answer?.error?.code);
      return answer ? reply(bad ? 400 : 200, answer, opened) : reply(202);
    });
  });
  listener.listen(Number(process.argv[2]), '127.0.0.1');
}

module.exports = { Server, tool, stdio, serve };
