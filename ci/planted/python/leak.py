"""Planted: keeps something of every call of one tool, for ever."""

from base import Server, tool


class Leak(Server):
    tools = [
        tool("count", {"text": {"type": "string"}}, ["text"]),
        tool("index", {"name": {"type": "string"}}, ["name"]),
    ]
    history = []

    def call_count(self, arguments):
        return f"{len(arguments['text'])} characters"

    def call_index(self, arguments):
        self.history.append((arguments["name"], bytearray(64 << 10)))
        return "indexed"


Leak().serve()
