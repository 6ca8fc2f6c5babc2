"""What the planted servers in Python share: MCP over stdio in two revisions, by hand, with tools whose arguments are checked."""

import json
import sys

REVISIONS = ["2025-06-18", "2025-11-25"]
PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602
LEVELS = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]
KINDS = {"string": str, "integer": int, "object": dict, "array": list, "boolean": bool}


class Refusal(Exception):
    def __init__(self, code, message):
        self.error = {"code": code, "message": message}


def tool(name, properties, required=()):
    schema = {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}
    return {"name": name, "description": f"Does {name}", "inputSchema": schema, "annotations": {"readOnlyHint": True}}


class Server:
    """Subclasses have `tools`, and a method `call_NAME(arguments)` that returns text for each."""

    tools = []

    def __init__(self):
        self.revision = None

    def serve(self):
        for line in sys.stdin.buffer:
            if line.strip():
                self.receive(line)

    def receive(self, line):
        identifier = None
        try:
            try:
                message = json.loads(line.decode(), parse_constant=lambda name: 1 / 0)
            except (ValueError, ArithmeticError, RecursionError):
                raise Refusal(PARSE_ERROR, "not JSON") from None
            if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
                raise Refusal(INVALID_REQUEST, "not a JSON-RPC 2.0 message")
            if "method" not in message and ("result" in message or "error" in message):
                return
            if not isinstance(message.get("method"), str):
                raise Refusal(INVALID_REQUEST, "the method is not a string")
            if "id" not in message:
                self.notified(message["method"])
                return
            if type(message["id"]) not in (str, int):
                raise Refusal(INVALID_REQUEST, "the id is neither a string nor an integer")
            identifier = message["id"]
            params = message.get("params", {})
            if not isinstance(params, dict):
                raise Refusal(INVALID_PARAMS, "params is not an object")
            self.send({"id": identifier, "result": self.result(message["method"], params)})
        except Refusal as refusal:
            known = {} if identifier is None and self.revision == "2025-11-25" else {"id": identifier}
            self.send({**known, "error": refusal.error})

    def send(self, message):
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        sys.stdout.flush()

    def notified(self, method):
        pass

    def result(self, method, params):
        if method == "initialize":
            return self.initialize(params)
        if method == "ping":
            return {}
        if self.revision is None:
            raise Refusal(INVALID_REQUEST, "not initialized")
        if method == "tools/list":
            if "cursor" in params:
                raise Refusal(INVALID_PARAMS, "unknown cursor")
            return {"tools": self.tools}
        if method == "tools/call":
            return self.call(params)
        if method == "logging/setLevel":
            return self.set_level(params.get("level"))
        raise Refusal(METHOD_NOT_FOUND, "unknown method")

    def initialize(self, params):
        client = params.get("clientInfo")
        if not isinstance(params.get("protocolVersion"), str) or not isinstance(params.get("capabilities"), dict):
            raise Refusal(INVALID_PARAMS, "initialize needs protocolVersion and capabilities")
        if not isinstance(client, dict) or not all(isinstance(client.get(key), str) for key in ("name", "version")):
            raise Refusal(INVALID_PARAMS, "initialize needs clientInfo with name and version")
        asked = params["protocolVersion"]
        self.revision = asked if asked in REVISIONS else REVISIONS[-1]
        return {
            "protocolVersion": self.revision,
            "capabilities": {"tools": {}, "logging": {}},
            "serverInfo": {"name": type(self).__name__.lower(), "version": "1.0.0"},
        }

    def set_level(self, level):
        if level not in LEVELS:
            raise Refusal(INVALID_PARAMS, "unknown level")
        return {}

    def call(self, params):
        arguments = params.get("arguments", {})
        named = [one for one in self.tools if one["name"] == params.get("name")]
        if not named:
            raise Refusal(INVALID_PARAMS, "unknown tool")
        problem = invalid(named[0]["inputSchema"], arguments, "arguments")
        text = problem or getattr(self, f"call_{named[0]['name']}")(arguments)
        return {"content": [{"type": "text", "text": text}], "isError": bool(problem)}


def invalid(schema, value, name):
    """What is wrong with a value, in words; None where nothing is."""
    kind = schema.get("type")
    if kind and (type(value) is not KINDS[kind]):
        return f"{name} must be of type {kind}"
    if "enum" in schema and value not in schema["enum"]:
        return f"{name} must be one of {', '.join(schema['enum'])}"
    if kind == "integer" and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        return f"{name} is out of range"
    if kind == "object":
        for key in schema.get("required", ()):
            if key not in value:
                return f"{name} lacks {key}"
        for key, inner in value.items():
            if key not in schema.get("properties", {}):
                return f"{name} has a member that is not known"
            problem = invalid(schema["properties"][key], inner, key)
            if problem:
                return problem
    return None
