"""Planted: dies where three nested values are what it asks for, one within the other."""

import os

from base import Server, tool

OPTIONS = {"type": "object", "properties": {"depth": {"type": "integer"}, "tag": {"type": "string"}}}


class Nested(Server):
    tools = [tool("grade", {"mode": {"type": "string"}, "options": OPTIONS}, ["mode", "options"])]

    def call_grade(self, arguments):
        if arguments["mode"] == "admin":
            if arguments["options"].get("depth") == 3:
                if arguments["options"].get("tag") == "zz9":
                    os._exit(9)
        return "graded"


Nested().serve()
