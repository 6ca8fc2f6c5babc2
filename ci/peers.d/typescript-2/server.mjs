// A small MCP server on the TypeScript SDK 2.x, of both eras, over stdio or Streamable HTTP without sessions on loopback.
// Usage: node server.mjs stdio | http PORT
import { createServer } from "node:http";
import { localhostHostValidation, localhostOriginValidation, toNodeHandler } from "@modelcontextprotocol/node";
import {
  completable, createMcpHandler, inputRequired, McpServer, ProtocolError, ResourceTemplate,
} from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { z } from "zod";

const TONES = ["formal", "friendly", "terse"];
const WORDS = ["anchor", "beacon", "compass"];
const text = (text) => ({ content: [{ type: "text", text }] });
const startingWith = (values) => (prefix = "") => values.filter((value) => value.startsWith(prefix));

function server() {
  const server = new McpServer({ name: "peer-typescript-2", version: "0.1.0" });

  server.registerTool(
    "greet",
    { description: "Greet someone", inputSchema: z.object({ name: z.string() }), annotations: { readOnlyHint: true } },
    ({ name }) => text(`Hello, ${name}!`),
  );
  server.registerTool(
    "measure",
    {
      description: "Count the words and letters of a text",
      inputSchema: z.object({ text: z.string() }),
      outputSchema: z.object({ words: z.number().int(), letters: z.number().int() }),
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
      inputSchema: z.object({ steps: z.number().int().min(1).max(100) }),
      annotations: { readOnlyHint: true },
    },
    async ({ steps }, { mcpReq }) => {
      const progressToken = mcpReq._meta?.progressToken;
      for (let step = 1; step <= steps && progressToken !== undefined; step++) {
        await mcpReq.notify({ method: "notifications/progress", params: { progressToken, progress: step, total: steps } });
      }
      return text(`Counted to ${steps}`);
    },
  );
  server.registerTool(
    "fail",
    { description: "Always fail", inputSchema: z.object({}), annotations: { readOnlyHint: true } },
    () => ({ ...text("This tool always fails"), isError: true }),
  );
  server.registerTool(
    "ask",
    { description: "Ask for a name, then greet", inputSchema: z.object({}), annotations: { readOnlyHint: true } },
    (_given, { mcpReq }) => {
      const answer = mcpReq.inputResponses?.name;
      if (answer) return text(`Hello, ${answer.content?.name ?? "stranger"}!`);
      const requestedSchema = { type: "object", properties: { name: { type: "string" } }, required: ["name"] };
      return inputRequired({ inputRequests: { name: inputRequired.elicit({ message: "Your name?", requestedSchema }) } });
    },
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
      if (!WORDS.includes(word)) throw new ProtocolError(-32602, "Resource not found", { uri: uri.href });
      return { contents: [{ uri: uri.href, mimeType: "text/plain", text: `${word}: a word` }] };
    },
  );
  server.registerPrompt(
    "compose",
    {
      description: "Compose a letter",
      argsSchema: z.object({ topic: z.string(), tone: completable(z.string(), startingWith(TONES)).optional() }),
    },
    ({ topic, tone = "friendly" }) => ({
      messages: [{ role: "user", content: { type: "text", text: `Write a ${tone} letter about ${topic}.` } }],
    }),
  );
  return server;
}

const [transport, port] = process.argv.slice(2);
if (transport === "stdio") {
  serveStdio(server);
} else if (transport === "http" && port) {
  const handle = toNodeHandler(createMcpHandler(server));
  const hostIsLocal = localhostHostValidation();
  const originIsLocal = localhostOriginValidation();
  const http = createServer((request, response) => {
    if (request.url !== "/mcp") return response.writeHead(404).end();
    if (hostIsLocal(request, response) && originIsLocal(request, response)) handle(request, response);
  });
  http.listen(Number(port), "127.0.0.1");
} else {
  console.error("usage: server.mjs stdio | http PORT");
  process.exit(2);
}
