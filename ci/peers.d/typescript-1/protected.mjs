// A small protected MCP server on the TypeScript SDK 1.x, over Streamable HTTP with sessions on loopback. One tool wants more than
// the token allows.
// Usage: node protected.mjs PORT TOKEN
import { randomUUID } from "node:crypto";
import { InvalidTokenError } from "@modelcontextprotocol/sdk/server/auth/errors.js";
import { requireBearerAuth } from "@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js";
import { mcpAuthMetadataRouter } from "@modelcontextprotocol/sdk/server/auth/router.js";
import { createMcpExpressApp } from "@modelcontextprotocol/sdk/server/express.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { isInitializeRequest } from "@modelcontextprotocol/sdk/types.js";
import { z } from "zod";

const [port, token] = process.argv.slice(2);
const resource = new URL(`http://127.0.0.1:${port}/mcp`);
const issuer = "https://auth.example.com";
const readOnly = { readOnlyHint: true };

function server() {
  const server = new McpServer({ name: "peer-typescript-1-protected", version: "0.1.0" });
  const greet = { description: "Greet someone", inputSchema: { name: z.string() }, annotations: readOnly };
  server.registerTool("greet", greet, ({ name }) => ({ content: [{ type: "text", text: `Hello, ${name}!` }] }));
  const audit = { description: "Wants more than the token allows", inputSchema: {}, annotations: readOnly };
  server.registerTool("audit", audit, () => ({ content: [{ type: "text", text: "Nothing happened." }] }));
  return server;
}

const verifier = {
  async verifyAccessToken(given) {
    if (given !== token) throw new InvalidTokenError("Nobody has issued this token");
    return { token, clientId: "peer", scopes: ["mcp"], expiresAt: Date.now() / 1000 + 3600, resource };
  },
};
const metadata = {
  issuer,
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
  response_types_supported: ["code"],
};
const resourceMetadataUrl = `${resource.origin}/.well-known/oauth-protected-resource/mcp`;
const wants = (...requiredScopes) => requireBearerAuth({ verifier, requiredScopes, resourceMetadataUrl });

const app = createMcpExpressApp();
const sessions = new Map();
app.use(mcpAuthMetadataRouter({ oauthMetadata: metadata, resourceServerUrl: resource, scopesSupported: ["mcp", "audit"] }));
app.use("/mcp", (request, response, next) => {
  const isAudit = request.body?.method === "tools/call" && request.body.params?.name === "audit";
  return (isAudit ? wants("mcp", "audit") : wants("mcp"))(request, response, next);
});
app.all("/mcp", async (request, response) => {
  const id = request.headers["mcp-session-id"];
  let transport = sessions.get(id);
  if (!transport && id !== undefined) return response.status(404).end();
  if (!transport && !isInitializeRequest(request.body)) return response.status(400).end();
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
app.listen(Number(port), "127.0.0.1");
