"""A small protected MCP server on the Python SDK 2.x, of both eras, over Streamable HTTP on loopback.

Usage: protected.py PORT TOKEN
"""

import sys

from mcp.server import MCPServer
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp_types import ToolAnnotations

port, token = int(sys.argv[1]), sys.argv[2]
resource = f"http://127.0.0.1:{port}/mcp"


class Verifier:
    """Knows one token."""

    async def verify_token(self, given: str) -> AccessToken | None:
        if given != token:
            return None
        return AccessToken(token=given, client_id="peer", scopes=["mcp"], resource=resource)


server = MCPServer(
    "peer-python-2-protected",
    version="0.1.0",
    token_verifier=Verifier(),
    auth=AuthSettings(
        issuer_url="https://auth.example.com",
        resource_server_url=resource,
        required_scopes=["mcp"],
        validate_token_resource=True,
    ),
)


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def greet(name: str) -> str:
    """Greet someone"""
    return f"Hello, {name}!"


server.run("streamable-http", port=port)
