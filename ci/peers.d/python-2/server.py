"""A small MCP server on the Python SDK 2.x, class MCPServer, of both eras, over stdio, Streamable HTTP or HTTP+SSE on loopback.

Usage: server.py stdio | http PORT [stateful|stateless] | sse PORT
"""

import sys

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ResourceNotFoundError, ToolError
from mcp_types import Completion, PromptReference, ToolAnnotations
from pydantic import BaseModel

TONES = ["formal", "friendly", "terse"]
WORDS = ["anchor", "beacon", "compass"]
READ_ONLY = ToolAnnotations(read_only_hint=True)

server = MCPServer("peer-python-2", version="0.1.0")


class Measure(BaseModel):
    words: int
    letters: int


@server.tool(annotations=READ_ONLY)
def greet(name: str) -> str:
    """Greet someone"""
    return f"Hello, {name}!"


@server.tool(annotations=READ_ONLY)
def measure(text: str) -> Measure:
    """Count the words and letters of a text"""
    return Measure(words=len(text.split()), letters=sum(map(str.isalpha, text)))


@server.tool(annotations=READ_ONLY)
async def count(steps: int, context: Context) -> str:
    """Count up, reporting progress"""
    for step in range(1, min(steps, 100) + 1):
        await context.report_progress(step, steps)
    return f"Counted to {steps}"


@server.tool(annotations=READ_ONLY)
def fail() -> str:
    """Always fail"""
    raise ToolError("This tool always fails")


@server.resource("peer://motto", mime_type="text/plain")
def motto() -> str:
    """The motto of the day"""
    return "Measure twice, cut once."


@server.resource("peer://word/{word}", mime_type="text/plain")
def word(word: str) -> str:
    """A word of the dictionary"""
    if word not in WORDS:
        raise ResourceNotFoundError(f"no such word: {word}")
    return f"{word}: a word"


@server.prompt()
def compose(topic: str, tone: str = "friendly") -> str:
    """Compose a letter"""
    return f"Write a {tone} letter about {topic}."


@server.completion()
async def complete(ref, argument, context):
    """Completes the tone of a letter and the word of the dictionary"""
    values = TONES if isinstance(ref, PromptReference) else WORDS
    return Completion(values=[value for value in values if value.startswith(argument.value)])


match sys.argv[1:]:
    case ["stdio"]:
        server.run("stdio")
    case ["http", port] | ["http", port, "stateful"]:
        server.run("streamable-http", port=int(port))
    case ["http", port, "stateless"]:
        server.run("streamable-http", port=int(port), stateless_http=True)
    case ["sse", port]:
        server.run("sse", port=int(port))
    case _:
        sys.exit("usage: server.py stdio | http PORT [stateful|stateless] | sse PORT")
