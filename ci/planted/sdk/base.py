"""What the planted servers on the Python SDK 1.x share: one tool over stdio."""

import anyio
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.types import TextContent, Tool, ToolAnnotations

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1, "maximum": 7}},
    "required": ["city", "days"],
    "additionalProperties": False,
}


def serve(name, validate):
    server = Server(name)

    @server.list_tools()
    async def list_tools():
        return [Tool(name="forecast", description="Tells the weather", inputSchema=SCHEMA,
                     annotations=ToolAnnotations(readOnlyHint=True))]

    @server.call_tool(validate_input=validate)
    async def call_tool(name, arguments):
        return [TextContent(type="text", text="sunny")]

    async def run():
        async with stdio_server() as (incoming, outgoing):
            await server.run(incoming, outgoing, server.create_initialization_options())

    anyio.run(run)
