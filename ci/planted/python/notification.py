"""Planted: answers notifications, once it has been told to log what it debugs."""

from base import Server, tool


class Notification(Server):
    tools = [tool("count", {"text": {"type": "string"}}, ["text"])]
    debugging = False

    def set_level(self, level):
        result = super().set_level(level)
        self.debugging = level == "debug"
        return result

    def notified(self, method):
        if self.debugging and method == "notifications/cancelled":
            self.send({"id": None, "result": {}})

    def call_count(self, arguments):
        return f"{len(arguments['text'])} characters"


Notification().serve()
