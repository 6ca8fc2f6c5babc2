"""Nothing is wrong with this one."""

from base import Server, tool


class Control(Server):
    tools = [
        tool("grade", {"mode": {"type": "string"}, "depth": {"type": "integer"}, "tag": {"type": "string"}}, ["mode"]),
        tool("note", {"text": {"type": "string"}}, ["text"]),
    ]

    def call_grade(self, arguments):
        if arguments["mode"] == "admin" and arguments.get("depth") == 3:
            return "deep" if arguments.get("tag") == "zz9" else "nearly"
        return "flat"

    def call_note(self, arguments):
        return f"{len(arguments['text'])} characters"


Control().serve()
