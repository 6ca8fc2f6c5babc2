"""An MCP server with one tool, `add`, and nothing else: written by hand from the specification, in all five revisions,
over stdio or Streamable HTTP without sessions on loopback. A report on it must show no failure.

Usage: server.py stdio | http PORT
"""

import base64
import json
import math
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

STATELESS = "2026-07-28"
HANDSHAKE = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]
SUPPORTED = [STATELESS, *reversed(HANDSHAKE)]
VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES_KEY = "io.modelcontextprotocol/clientCapabilities"
PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602
HEADER_MISMATCH, UNSUPPORTED_VERSION = -32020, -32022
SERVER = {"name": "peer-tools-only", "version": "0.1.0"}
NUMBERS = {"a": {"type": "number"}, "b": {"type": "number"}}
ADD = {
    "name": "add",
    "description": "Add two numbers",
    "inputSchema": {"type": "object", "properties": NUMBERS, "required": ["a", "b"]},
    "annotations": {"readOnlyHint": True},
}


class Refusal(Exception):
    def __init__(self, code, message, data=None):
        self.error = {"code": code, "message": message} | ({} if data is None else {"data": data})


def parse(line):
    """Strict JSON: Python's own parser would let NaN and Infinity pass."""

    def refuse(name):
        raise ValueError(name)

    try:
        return json.loads(line.decode("utf-8"), parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise Refusal(PARSE_ERROR, "not JSON") from error


def answer(message, revision):
    """The response to one message, or None where none is due. `revision` is that of the session, None before there is one."""
    identifier = message.get("id") if isinstance(message, dict) else None
    readable = isinstance(identifier, (str, int, float)) and not isinstance(identifier, bool)
    echo = {"id": identifier} if readable else {} if revision in ("2025-11-25", STATELESS) else {"id": None}
    try:
        if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
            raise Refusal(INVALID_REQUEST, "not a JSON-RPC 2.0 message")
        if "method" not in message and ("result" in message or "error" in message):
            return None
        if not isinstance(message.get("method"), str):
            raise Refusal(INVALID_REQUEST, "the method is not a string")
        if "id" not in message:
            return None
        if not readable:
            raise Refusal(INVALID_REQUEST, "the id is neither a string nor a number")
        params = message.get("params", {})
        if not isinstance(params, dict):
            raise Refusal(INVALID_PARAMS, "params is not an object")
        return {"jsonrpc": "2.0", "id": identifier, "result": result(message["method"], params, revision)}
    except Refusal as refusal:
        return {"jsonrpc": "2.0", **echo, "error": refusal.error}


def result(method, params, revision):
    meta = params.get("_meta")
    if isinstance(meta, dict) and VERSION_KEY in meta or revision == STATELESS:
        return stateless_result(method, params, meta)
    if method == "initialize":
        return initialize(params)
    if method == "ping":
        return {}
    if revision is None:
        raise Refusal(INVALID_PARAMS, f"neither initialized nor {VERSION_KEY} in _meta", {"supported": SUPPORTED})
    return common_result(method, params)


def initialize(params):
    client = params.get("clientInfo")
    if not isinstance(params.get("protocolVersion"), str) or not isinstance(params.get("capabilities"), dict):
        raise Refusal(INVALID_PARAMS, "initialize needs protocolVersion and capabilities")
    if not isinstance(client, dict) or not all(isinstance(client.get(member), str) for member in ("name", "version")):
        raise Refusal(INVALID_PARAMS, "initialize needs clientInfo with name and version")
    asked = params["protocolVersion"]
    agreed = asked if asked in HANDSHAKE else HANDSHAKE[-1]
    return {"protocolVersion": agreed, "capabilities": {"tools": {}}, "serverInfo": SERVER}


def stateless_result(method, params, meta):
    if not isinstance(meta, dict) or not isinstance(meta.get(VERSION_KEY), str):
        raise Refusal(INVALID_PARAMS, f"_meta lacks {VERSION_KEY}")
    if meta[VERSION_KEY] != STATELESS:
        data = {"supported": SUPPORTED, "requested": meta[VERSION_KEY]}
        raise Refusal(UNSUPPORTED_VERSION, "Unsupported protocol version", data)
    if not isinstance(meta.get(CAPABILITIES_KEY), dict):
        raise Refusal(INVALID_PARAMS, f"_meta lacks {CAPABILITIES_KEY}")
    if method == "server/discover":
        found = {"supportedVersions": SUPPORTED, "capabilities": {"tools": {}}}
    else:
        found = common_result(method, params)
    caching = {} if method == "tools/call" else {"ttlMs": 60_000, "cacheScope": "public"}
    return {"resultType": "complete", **found, **caching, "_meta": {"io.modelcontextprotocol/serverInfo": SERVER}}


def common_result(method, params):
    if method == "tools/list":
        if "cursor" in params:
            raise Refusal(INVALID_PARAMS, "unknown cursor")
        return {"tools": [ADD]}
    if method == "tools/call":
        arguments = params.get("arguments", {})
        if params.get("name") != "add":
            raise Refusal(INVALID_PARAMS, "unknown tool")
        if not isinstance(arguments, dict):
            raise Refusal(INVALID_PARAMS, "the arguments are not an object")
        return add(arguments)
    raise Refusal(METHOD_NOT_FOUND, "unknown method")


def add(arguments):
    numbers = [arguments.get(name) for name in NUMBERS]
    if not all(isinstance(number, (int, float)) and not isinstance(number, bool) for number in numbers):
        return {"content": [{"type": "text", "text": "a and b must be numbers"}], "isError": True}
    try:
        total = sum(numbers)
        if not math.isfinite(total):
            raise OverflowError
        return {"content": [{"type": "text", "text": str(total)}], "isError": False}
    except (OverflowError, ValueError):
        return {"content": [{"type": "text", "text": "the sum is too large"}], "isError": True}


def serve_stdio():
    revision = None
    for line in sys.stdin.buffer:
        if not line.strip():
            continue
        try:
            message = parse(line)
        except Refusal as refusal:
            message, response = None, {"jsonrpc": "2.0", "id": None, "error": refusal.error}
            if revision in ("2025-11-25", STATELESS):
                del response["id"]
        else:
            if isinstance(message, list) and message and revision == "2025-03-26":
                response = [one for one in (answer(one, revision) for one in message) if one is not None]
            else:
                response = answer(message, revision)
        if isinstance(response, dict) and "protocolVersion" in response.get("result", {}):
            revision = response["result"]["protocolVersion"]
        if response:
            sys.stdout.write(json.dumps(response) + "\n")
            sys.stdout.flush()


def decoded(value):
    """The text of a header, which may be wrapped as =?base64?...?=; None where it cannot be read."""
    if value is None:
        return None
    value = value.strip(" \t")
    if not value.startswith("=?base64?") or not value.endswith("?="):
        return value
    try:
        return base64.b64decode(value[len("=?base64?") : -len("?=")], validate=True).decode("utf-8")
    except ValueError:
        return None


class Http(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            return self.reply(411)
        body = self.rfile.read(int(length))
        accepted = self.headers.get("Accept", "*/*")
        kinds = {kind.split(";")[0].strip().lower() for kind in accepted.split(",")}
        if self.is_foreign():
            return self.reply(403)
        if self.path != "/mcp":
            return self.reply(404)
        if self.headers.get_content_type() != "application/json":
            return self.reply(415)
        if not kinds & {"application/json", "application/*", "*/*"}:
            return self.reply(406)
        try:
            message = parse(body)
        except Refusal as refusal:
            return self.reply(400, {"jsonrpc": "2.0", "id": None, "error": refusal.error})
        self.reply(*self.answer(message))

    def answer(self, message):
        header = self.headers.get("MCP-Protocol-Version")
        params = message.get("params") if isinstance(message, dict) else None
        meta = params.get("_meta") if isinstance(params, dict) else None
        stateless = header == STATELESS or isinstance(meta, dict) and VERSION_KEY in meta
        if stateless:
            problem = self.header_problem(message, params, meta)
            if problem:
                error = {"code": HEADER_MISMATCH, "message": problem}
                return 400, {"jsonrpc": "2.0", "id": message.get("id"), "error": error}
            revision = STATELESS
        elif header is not None and header not in HANDSHAKE:
            error = {"code": INVALID_REQUEST, "message": f"unsupported protocol version: {header}"}
            return 400, {"jsonrpc": "2.0", "id": None, "error": error}
        else:
            revision = header or "2025-03-26"
        if isinstance(message, list) and message and revision == "2025-03-26":
            responses = [one for one in (answer(one, revision) for one in message) if one is not None]
            return (200, responses) if responses else (202, None)
        response = answer(message, revision)
        if response is None:
            return 202, None
        code = response.get("error", {}).get("code")
        if code == INVALID_REQUEST:
            return 400, response
        if stateless and code == METHOD_NOT_FOUND:
            return 404, response
        return (400 if stateless and code in (INVALID_PARAMS, UNSUPPORTED_VERSION) else 200), response

    def header_problem(self, message, params, meta):
        """Why the headers of a stateless request do not fit its body, if they do not."""
        if not isinstance(message, dict) or "id" not in message:
            return None
        headers = {"Mcp-Method": message.get("method")}
        if isinstance(meta, dict) and VERSION_KEY in meta:
            headers["MCP-Protocol-Version"] = meta[VERSION_KEY]
        if message.get("method") == "tools/call" and isinstance(params, dict):
            headers["Mcp-Name"] = params.get("name")
        for name, value in headers.items():
            if isinstance(value, str) and decoded(self.headers.get(name)) != value:
                return f"{name} does not match the body"
        return None

    def refuse_method(self):
        self.reply(403 if self.is_foreign() else 405)

    do_GET = do_HEAD = do_DELETE = do_PUT = do_PATCH = do_OPTIONS = refuse_method

    def is_foreign(self):
        """Whether a page of another host asks: a browser tells so by Origin, and a rebound name by Host."""
        local = ("127.0.0.1", "localhost", "::1")
        origin = self.headers.get("Origin")
        if origin is not None and urlsplit(origin).hostname not in local:
            return True
        return urlsplit(f"//{self.headers.get('Host', '')}").hostname not in local

    def reply(self, status, body=None):
        self.close_connection = self.close_connection or status in (405, 411)
        payload = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        if payload:
            self.send_header("Content-Type", "application/json")
        if status == 405:
            self.send_header("Allow", "POST")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *_):
        pass


match sys.argv[1:]:
    case ["stdio"]:
        serve_stdio()
    case ["http", port]:
        ThreadingHTTPServer(("127.0.0.1", int(port)), Http).serve_forever()
    case _:
        sys.exit("usage: server.py stdio | http PORT")
