// A small MCP server on the TypeScript SDK 1.x, class McpServer, over stdio, Streamable HTTP or HTTP+SSE on loopback.
// Usage: node high-level.mjs stdio | http PORT [stateful|stateless] | sse PORT
import { randomUUID } from "node:crypto";
import { completable } from "@modelcontextprotocol/sdk/server/completable.js";
import { createMcpExpressApp } from "@modelcontextprotocol/sdk/server/express.js";
import { McpServer, ResourceTemplate } from "@modelcontextprotocol/sdk/server/mcp.js";
import { SSEServerTransport } from "@modelcontextprotocol/sdk/server/sse.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { ErrorCode, isInitializeRequest, McpError } from "@modelcontextprotocol/sdk/types.js";
import { z } from "zod";

const TONES = ["formal", "friendly", "terse"];
const WORDS = ["anchor", "beacon", "compass"];
const text = (text) => ({ content: [{ type: "text", text }] });
const startingWith = (values) => (prefix) => values.filter((value) => value.startsWith(prefix));

function server() {
  const server = new McpServer({ name: "peer-typescript-1", version: "0.1.0" }, { capabilities: { logging: {} } });

  server.registerTool(
    "greet",
    { description: "Greet someone", inputSchema: { name: z.string() }, annotations: { readOnlyHint: true } },
    ({ name }) => text(`Hello, ${name}!`),
  );
  server.registerTool(
    "measure",
    {
      description: "Count the words and letters of a text",
      inputSchema: { text: z.string() },
      outputSchema: { words: z.number().int(), letters: z.number().int() },
      annotations: { readOnlyHint: true },
    },
    ({ text: given }) => {
      const measured = { words: given.split(/\s+/).filter(Boolean).length, letters: given.match(/\p{L}/gu)?.length ?? 0 };
      return { ...text(JSON.stringify(measured)), structuredContent: measured };
    },
  );
  server.registerTool(
    "count",
    {
      description: "Count up, reporting progress",
      inputSchema: { steps: z.number().int().min(1).max(100) },
      annotations: { readOnlyHint: true },
    },
    async ({ steps }, { _meta, sendNotification }) => {
      for (let step = 1; step <= steps && _meta?.progressToken !== undefined; step++) {
        const params = { progressToken: _meta.progressToken, progress: step, total: steps };
        await sendNotification({ method: "notifications/progress", params });
      }
      return text(`Counted to ${steps}`);
    },
  );
  server.registerTool(
    "fail",
    { description: "Always fail", inputSchema: {}, annotations: { readOnlyHint: true } },
    () => ({ ...text("This tool always fails"), isError: true }),
  );

  server.registerResource(
    "motto",
    "peer://motto",
    { description: "The motto of the day", mimeType: "text/plain" },
    (uri) => ({ contents: [{ uri: uri.href, mimeType: "text/plain", text: "Measure twice, cut once." }] }),
  );
  server.registerResource(
    "word",
    new ResourceTemplate("peer://word/{word}", { list: undefined, complete: { word: startingWith(WORDS) } }),
    { description: "A word of the dictionary", mimeType: "text/plain" },
    (uri, { word }) => {
      if (!WORDS.includes(word)) throw new McpError(-32002, "Resource not found", { uri: uri.href });
      return { contents: [{ uri: uri.href, mimeType: "text/plain", text: `${word}: a word` }] };
    },
  );
  server.registerPrompt(
    "compose",
    {
      description: "Compose a letter",
      argsSchema: { topic: z.string(), tone: completable(z.string().optional(), startingWith(TONES)) },
    },
    ({ topic, tone = "friendly" }) => ({
      messages: [{ role: "user", content: { type: "text", text: `Write a ${tone} letter about ${topic}.` } }],
    }),
  );
  return server;
}

const refusal = (code, message) => ({ jsonrpc: "2.0", id: null, error: { code, message } });

/** Streamable HTTP with sessions: one transport and one server per session. */
function stateful(app) {
  const sessions = new Map();
  app.all("/mcp", async (request, response) => {
    const id = request.headers["mcp-session-id"];
    let transport = sessions.get(id);
    if (!transport && id !== undefined) return response.status(404).json(refusal(-32001, "Session not found"));
    if (!transport && !isInitializeRequest(request.body)) {
      return response.status(400).json(refusal(ErrorCode.ConnectionClosed, "Bad Request: no session"));
    }
    if (!transport) {
      transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        onsessioninitialized: (id) => sessions.set(id, transport),
      });
      transport.onclose = () => sessions.delete(transport.sessionId);
      await server().connect(transport);
    }
    await transport.handleRequest(request, response, request.body);
  });
}

/** Streamable HTTP without sessions: one transport and one server per request. */
function stateless(app) {
  app.post("/mcp", async (request, response) => {
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
    response.on("close", () => transport.close());
    await server().connect(transport);
    await transport.handleRequest(request, response, request.body);
  });
  app.all("/mcp", (_request, response) => {
    response.status(405).set("Allow", "POST").json(refusal(ErrorCode.ConnectionClosed, "Method not allowed"));
  });
}

/** The HTTP+SSE transport of 2024-11-05. */
function sse(app) {
  const transports = new Map();
  app.get("/sse", async (_request, response) => {
    const transport = new SSEServerTransport("/messages", response);
    transports.set(transport.sessionId, transport);
    response.on("close", () => transports.delete(transport.sessionId));
    await server().connect(transport);
  });
  app.post("/messages", async (request, response) => {
    const transport = transports.get(request.query.sessionId);
    if (!transport) return response.status(404).json(refusal(-32001, "Session not found"));
    await transport.handlePostMessage(request, response, request.body);
  });
}

const [transport, port, kind = "stateful"] = process.argv.slice(2);
const serve = { "http stateful": stateful, "http stateless": stateless, "sse stateful": sse }[`${transport} ${kind}`];
if (transport === "stdio") {
  await server().connect(new StdioServerTransport());
} else if (serve && port) {
  const app = createMcpExpressApp();
  serve(app);
  app.listen(Number(port), "127.0.0.1");
} else {
  console.error("usage: high-level.mjs stdio | http PORT [stateful|stateless] | sse PORT");
  process.exit(2);
}
