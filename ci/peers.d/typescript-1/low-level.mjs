// A small MCP server on the TypeScript SDK 1.x, class Server, over stdio: every handler written by hand, with paged and
// subscribable resources, logging and a list that changes.
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import {
  CallToolRequestSchema, CompleteRequestSchema, ErrorCode, GetPromptRequestSchema, ListPromptsRequestSchema,
  ListResourcesRequestSchema, ListResourceTemplatesRequestSchema, ListToolsRequestSchema, McpError,
  ReadResourceRequestSchema, SetLevelRequestSchema, SubscribeRequestSchema, UnsubscribeRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";

const TONES = ["formal", "friendly", "terse"];
const PAGE = 4;
const pages = Array.from({ length: 10 }, (_, index) => ({ uri: `peer://page/${index + 1}`, name: `page ${index + 1}`, mimeType: "text/plain" }));
const levels = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];
const subscribed = new Set();
let level = "info";

const text = (text) => ({ content: [{ type: "text", text }] });
const refuse = (message) => new McpError(ErrorCode.InvalidParams, message);
const server = new Server(
  { name: "peer-typescript-1-low-level", version: "0.1.0" },
  {
    capabilities: {
      completions: {}, logging: {}, prompts: {}, resources: { listChanged: true, subscribe: true }, tools: {},
    },
  },
);

const tools = {
  greet: {
    description: "Greet someone",
    inputSchema: { type: "object", properties: { name: { type: "string" } }, required: ["name"] },
    annotations: { readOnlyHint: true },
    call: ({ name }) => {
      if (typeof name !== "string") throw refuse("name must be a string");
      return text(`Hello, ${name}!`);
    },
  },
  count: {
    description: "Count up, reporting progress and logging the end",
    inputSchema: { type: "object", properties: { steps: { type: "integer", minimum: 1, maximum: 100 } }, required: ["steps"] },
    annotations: { readOnlyHint: true },
    call: async ({ steps }, { _meta, sendNotification }) => {
      if (!Number.isInteger(steps) || steps < 1 || steps > 100) throw refuse("steps must be an integer from 1 to 100");
      for (let step = 1; step <= steps && _meta?.progressToken !== undefined; step++) {
        const params = { progressToken: _meta.progressToken, progress: step, total: steps };
        await sendNotification({ method: "notifications/progress", params });
      }
      if (levels.indexOf("info") >= levels.indexOf(level)) {
        await sendNotification({ method: "notifications/message", params: { level: "info", data: `counted to ${steps}` } });
      }
      return text(`Counted to ${steps}`);
    },
  },
  fail: {
    description: "Always fail",
    inputSchema: { type: "object" },
    annotations: { readOnlyHint: true },
    call: () => ({ ...text("This tool always fails"), isError: true }),
  },
  add_page: {
    description: "Add a page to the resources",
    inputSchema: { type: "object" },
    call: async (_given, { sendNotification }) => {
      const number = pages.length + 1;
      pages.push({ uri: `peer://page/${number}`, name: `page ${number}`, mimeType: "text/plain" });
      await sendNotification({ method: "notifications/resources/list_changed" });
      return text(`There are ${number} pages`);
    },
  },
  touch_page: {
    description: "Announce that a page has changed, to those who subscribed to it",
    inputSchema: { type: "object", properties: { uri: { type: "string" } }, required: ["uri"] },
    call: async ({ uri }, { sendNotification }) => {
      if (subscribed.has(uri)) await sendNotification({ method: "notifications/resources/updated", params: { uri } });
      return text("Touched");
    },
  },
};

server.setRequestHandler(ListToolsRequestSchema, () => ({
  tools: Object.entries(tools).map(([name, { call, ...tool }]) => ({ name, ...tool })),
}));
server.setRequestHandler(CallToolRequestSchema, ({ params }, extra) => {
  if (!Object.hasOwn(tools, params.name)) throw refuse(`Unknown tool: ${params.name}`);
  return tools[params.name].call(params.arguments ?? {}, extra);
});

server.setRequestHandler(ListResourcesRequestSchema, ({ params }) => {
  const start = params?.cursor === undefined ? 0 : pages.findIndex(({ uri }) => uri === params.cursor);
  if (start < 0) throw refuse("Unknown cursor");
  return { resources: pages.slice(start, start + PAGE), nextCursor: pages[start + PAGE]?.uri };
});
server.setRequestHandler(ListResourceTemplatesRequestSchema, () => ({
  resourceTemplates: [{ uriTemplate: "peer://page/{number}", name: "page", mimeType: "text/plain" }],
}));
server.setRequestHandler(ReadResourceRequestSchema, ({ params: { uri } }) => {
  const page = pages.find((page) => page.uri === uri);
  if (!page) throw new McpError(-32002, "Resource not found", { uri });
  return { contents: [{ uri, mimeType: "text/plain", text: `This is ${page.name}.` }] };
});
server.setRequestHandler(SubscribeRequestSchema, ({ params }) => {
  subscribed.add(params.uri);
  return {};
});
server.setRequestHandler(UnsubscribeRequestSchema, ({ params }) => {
  subscribed.delete(params.uri);
  return {};
});

server.setRequestHandler(ListPromptsRequestSchema, () => ({
  prompts: [{
    name: "compose",
    description: "Compose a letter",
    arguments: [{ name: "topic", description: "What it is about", required: true }, { name: "tone", description: "How it sounds" }],
  }],
}));
server.setRequestHandler(GetPromptRequestSchema, ({ params: { name, arguments: given = {} } }) => {
  if (name !== "compose") throw refuse(`Unknown prompt: ${name}`);
  if (given.topic === undefined) throw refuse("Missing argument: topic");
  const letter = `Write a ${given.tone ?? "friendly"} letter about ${given.topic}.`;
  return { messages: [{ role: "user", content: { type: "text", text: letter } }] };
});
server.setRequestHandler(CompleteRequestSchema, ({ params: { ref, argument } }) => {
  if (ref.type !== "ref/prompt" || ref.name !== "compose" || argument.name !== "tone") throw refuse("Nothing to complete there");
  return { completion: { values: TONES.filter((tone) => tone.startsWith(argument.value)) } };
});
server.setRequestHandler(SetLevelRequestSchema, ({ params }) => {
  level = params.level;
  return {};
});

await server.connect(new StdioServerTransport());
