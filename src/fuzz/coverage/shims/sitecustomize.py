"""Reports what a Python program does to mcp-litmus: lines and branches taken, values compared, literals met.

Python imports this as it starts. It never prints, never raises, and changes nothing that the program does. The layout of
the map is described in src/fuzz/coverage/map.rs.
"""
import os
import sys

EDGES, EPOCH, OPERANDS, CONSTANTS, WISH = 0x10000, 0x10000, 0x10008, 0x1000C, 0x10010
TAPES = {OPERANDS: (0x51000, 0x20000), CONSTANTS: (0x71000, 0x20000)}
HERE = os.path.dirname(os.path.abspath(__file__))
LIBRARY = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
PACKAGES = (os.sep + "site-packages" + os.sep, os.sep + "dist-packages" + os.sep)
MEMBERS, PAIRS, LONGEST = 16, 256, 128


def chain():
    """Hides this module, and runs the one that would have been imported instead."""
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    sys.path[:] = [path for path in sys.path if os.path.abspath(path or ".") != HERE]
    spec = PathFinder.find_spec("sitecustomize")
    if spec and spec.loader:
        module = module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


class Scope:
    """Which files count: the program's own, and packages that were asked for."""

    def __init__(self, words):
        self.everything = "packages" in words
        self.packages = {word.replace("-", "_") for word in words if word not in ("own", "packages")} | self.entry()
        self.known = {}

    def holds(self, filename):
        known = self.known.get(filename)
        if known is None:
            known = self.known[filename] = self.look(filename)
        return known

    def look(self, filename):
        if filename.startswith("<") or filename.startswith(HERE):
            return False
        path = os.path.abspath(filename)
        for marker in PACKAGES:
            _, found, inside = path.rpartition(marker)
            if found:
                return self.everything or inside.split(os.sep)[0].removesuffix(".py") in self.packages
        return not path.startswith(LIBRARY)

    @staticmethod
    def entry():
        """The package of `-m package`, or those that an installed script imports."""
        words = iter(sys.orig_argv[1:])
        for word in words:
            if word == "-m":
                return {next(words, "").split(".")[0]}
            if word in ("-W", "-X"):
                next(words, None)
            elif not word.startswith("-"):
                if os.path.basename(os.path.dirname(os.path.abspath(word))) != "bin":
                    return set()
                with open(word, encoding="utf-8", errors="replace") as script:
                    lines = [line.split() for line in script.read(4096).splitlines()]
                return {line[1].split(".")[0] for line in lines if line[:1] in (["from"], ["import"]) and line[1:]}
        return set()


class Recorder:
    """Writes into the map."""

    def __init__(self, path):
        import mmap
        from _thread import allocate_lock

        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self.map = mmap.mmap(handle, 0)
        os.close(handle)
        self.lock = allocate_lock()
        self.epoch = None
        self.pairs = set()
        self.dumps = None

    def hit(self, edge):
        edge &= EDGES - 1
        hits = self.map[edge]
        if hits < 255:
            self.map[edge] = hits + 1

    def compared(self, left, right):
        """Whether two values are equal; where they are not, they are written down."""
        if not (plain(left) and plain(right)):
            return False
        if left == right:
            return True
        epoch = self.map[EPOCH : EPOCH + 4]
        if epoch != self.epoch:
            self.epoch = epoch
            self.pairs.clear()
        pair = (type(left), left, type(right), right)
        if pair not in self.pairs and len(self.pairs) < PAIRS:
            self.pairs.add(pair)
            self.append(OPERANDS, [text(left), text(right)])
        return False

    def constants(self, code):
        for value in flat(code.co_consts):
            if plain(value) and value not in (None, 0, 1, 2, -1, "") and "\n" not in str(value):
                self.append(CONSTANTS, text(value))

    def append(self, tape, value):
        if self.dumps is None:
            from json import dumps

            self.dumps = dumps
        line = self.dumps(value).encode() + b"\n"
        start, room = TAPES[tape]
        # Never waits: a child that was forked could wait for ever.
        if self.lock.acquire(False):
            try:
                at = int.from_bytes(self.map[tape : tape + 4], "little")
                if at + len(line) <= room:
                    self.map[start + at : start + at + len(line)] = line
                    self.map[tape : tape + 4] = (at + len(line)).to_bytes(4, "little")
            finally:
                self.lock.release()


def plain(value):
    kind = type(value)
    if kind is str or kind is bytes:
        return len(value) <= LONGEST
    return kind is int and value.bit_length() < 1024 or kind is float or kind is bool or value is None


def text(value):
    return value.decode("utf-8", "replace") if type(value) is bytes else value


def flat(values):
    for value in values:
        if type(value) is tuple or type(value) is frozenset:
            yield from flat(value)
        else:
            yield value


def check_sum(words, value=0):
    """The same in every process, which hash() is not."""
    for byte in words.encode("utf-8", "replace"):
        value = (value * 31 + byte) & 0xFFFFFFFF
    return value ^ (value >> 15)


MRO = type.__dict__["__mro__"].__get__
SLOT = type(type(chain).__dict__["__globals__"])


class Missing(Exception):
    """An operand that cannot be had without running code of the program."""


class Comparisons:
    """Where a file compares something, and how to get at both sides by looking alone."""

    def __init__(self, filename):
        import ast

        self.ast = ast
        self.lines = {}
        with open(filename, "rb") as source:
            tree = ast.parse(source.read())
        for node in ast.walk(tree):
            self.visit(node)

    def visit(self, node):
        ast = self.ast
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            for left, operator, right in zip(sides, node.ops, sides[1:]):
                inside = isinstance(operator, (ast.In, ast.NotIn))
                self.add(node.lineno, self.value(left), self.value(right), inside)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            if node.func.attr in ("startswith", "endswith", "find", "index", "count"):
                self.add(node.lineno, self.value(node.func.value), self.value(node.args[0]), False)
            elif node.func.attr in ("get", "pop") and not isinstance(node.args[0], ast.Constant):
                self.add(node.lineno, self.value(node.args[0]), self.value(node.func.value), True)
        elif isinstance(node, ast.Subscript) and not isinstance(node.slice, (ast.Constant, ast.Slice)):
            self.add(node.lineno, self.value(node.slice), self.value(node.value), True)
        elif isinstance(node, ast.Match):
            for case in node.cases:
                self.pattern(self.value(node.subject), case.pattern)

    def pattern(self, subject, pattern):
        ast = self.ast
        if isinstance(pattern, ast.MatchValue):
            self.add(pattern.lineno, subject, self.value(pattern.value), False)
        elif isinstance(pattern, ast.MatchOr):
            for each in pattern.patterns:
                self.pattern(subject, each)
        elif isinstance(pattern, ast.MatchAs) and pattern.pattern:
            self.pattern(subject, pattern.pattern)
        elif isinstance(pattern, ast.MatchMapping):
            for key, each in zip(pattern.keys, pattern.patterns):
                self.pattern(subject and item(subject, self.value(key)), each)
        elif isinstance(pattern, ast.MatchSequence):
            for at, each in enumerate(pattern.patterns):
                self.pattern(subject and item(subject, lambda frame, at=at: at), each)

    def add(self, line, left, right, inside):
        if left and right:
            self.lines.setdefault(line, []).append((left, right, inside))

    def value(self, node):
        """A function from a frame to the value of an expression; None for one that is not followed."""
        ast = self.ast
        if isinstance(node, ast.Constant):
            return lambda frame: node.value
        if isinstance(node, ast.Name):
            return lambda frame: variable(frame, node.id)
        if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
            parts = [self.value(part) for part in node.elts]
            return all(parts) and (lambda frame: [part(frame) for part in parts]) or None
        if isinstance(node, ast.NamedExpr):
            return self.value(node.value)
        if isinstance(node, ast.Attribute):
            base = self.value(node.value)
            return base and (lambda frame: attribute(base(frame), node.attr))
        if isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Slice):
            return item(self.value(node.value), self.value(node.slice))
        if isinstance(node, ast.BinOp):
            sides, kind = (self.value(node.left), self.value(node.right)), type(node.op).__name__
            return all(sides) and (lambda frame: computed(kind, *(side(frame) for side in sides))) or None
        if isinstance(node, ast.Call) and not node.keywords:
            parts = [self.value(part) for part in node.args]
            if isinstance(node.func, ast.Attribute):
                parts.insert(0, self.value(node.func.value))
                return all(parts) and (lambda frame: method(node.func.attr, *(part(frame) for part in parts))) or None
            if isinstance(node.func, ast.Name) and len(parts) == 1 and parts[0]:
                return lambda frame: function(node.func.id, parts[0](frame))
        return None

    def report(self, recorder, frame, line, number):
        for left, right, inside in self.lines.get(line, ()):
            number += 6007
            try:
                seen, other = left(frame), right(frame)
                if not inside or type(other) in (str, bytes):
                    # Of several conditions in one line, each that holds shows.
                    if recorder.compared(seen, other):
                        recorder.hit(number + line * 15485863)
                elif type(other) in (list, tuple, set, frozenset, dict):
                    for member, _ in zip(other, range(MEMBERS)):
                        recorder.compared(seen, member)
            except Exception:  # Missing, or whatever else an expression may come to.
                pass


def variable(frame, name):
    for names in (frame.f_locals, frame.f_globals):
        if name in names:
            return names[name]
    raise Missing


def attribute(value, name):
    """An attribute that is stored in the object itself, so that no code of the program runs."""
    for kind in MRO(type(value)):
        found = kind.__dict__.get(name)
        if type(found) is SLOT:
            return found.__get__(value)
        if hasattr(type(found), "__set__"):
            raise Missing
    return object.__getattribute__(value, "__dict__")[name]


def item(base, key):
    def get(frame):
        value, at = base(frame), key(frame)
        if type(value) not in (dict, list, tuple, str) or type(at) not in (str, int):
            raise Missing
        return value[at]

    return base and key and get


def computed(kind, left, right):
    if not (type(left) is type(right) is int and left.bit_length() < 128 and right.bit_length() < 128):
        raise Missing
    if kind == "Mod":
        return left % right
    if kind == "Add":
        return left + right
    if kind == "Sub":
        return left - right
    if kind == "Mult":
        return left * right
    if kind == "BitAnd":
        return left & right
    raise Missing


def method(name, value, *rest):
    if type(value) is dict and name == "get" and rest and type(rest[0]) in (str, int):
        return value.get(*rest[:2])
    if type(value) is str and not rest and name in ("lower", "upper", "strip", "casefold", "lstrip", "rstrip"):
        return getattr(value, name)()
    raise Missing


def function(name, value):
    if name == "len" and type(value) in (str, bytes, list, tuple, dict, set, frozenset):
        return len(value)
    if name == "int" and type(value) in (str, int, float) and len(str(value)) < LONGEST:
        return int(value)
    if name == "str" and type(value) in (str, int, float, bool):
        return str(value)
    raise Missing


class Observer:
    """What is common to both ways of being told where the program is."""

    def __init__(self, recorder, scope):
        self.recorder = recorder
        self.scope = scope
        self.codes = {}
        self.files = {}

    def entered(self, code):
        """The number of a code object and where it compares; None for one that does not count."""
        known = self.codes.get(id(code))
        if known is None:
            if not self.scope.holds(code.co_filename) or len(self.codes) > 100_000:
                return None
            name = "/".join(code.co_filename.split(os.sep)[-2:]) + getattr(code, "co_qualname", code.co_name)
            # The code object is kept, since its address is its name here.
            known = (check_sum(name, code.co_firstlineno), self.comparisons(code.co_filename), code)
            self.codes[id(code)] = known
            self.recorder.constants(code)
        return known

    def comparisons(self, filename):
        if filename not in self.files:
            self.files[filename] = None
            try:
                self.files[filename] = Comparisons(filename)
            except (OSError, SyntaxError, ValueError, RecursionError):
                pass
        return self.files[filename]

    def raised(self, number, line, kind):
        self.recorder.hit(check_sum(getattr(kind, "__name__", "?"), number + line))


class Tracing(Observer):
    """By sys.settrace, before Python 3.12."""

    def start(self):
        import gc
        import threading

        threading.settrace(self.called)
        sys.settrace(self.called)
        gc.callbacks.append(self.again)

    def again(self, phase, information):
        """Python stops tracing where the stack has no room left for it; this is called now and then."""
        if sys.gettrace() is None:
            sys.settrace(self.called)

    def called(self, frame, event, argument):
        code = frame.f_code
        try:
            if not self.scope.known[code.co_filename]:
                return None
        except KeyError:
            if not self.scope.holds(code.co_filename):
                return None
        known = self.codes.get(id(code)) or self.entered(code)
        return known and self.watch(*known)

    def watch(self, number, comparisons, code):
        lines = comparisons.lines if comparisons else {}
        last, counters, recorder = 0, self.recorder.map, self.recorder

        def traced(frame, event, argument):
            nonlocal last
            try:
                if event == "line":
                    line = frame.f_lineno
                    edge = (number + last * 7919 + line * 104729) & 0xFFFF
                    hits = counters[edge]
                    if hits < 255:
                        counters[edge] = hits + 1
                    last = line
                    if line in lines and counters[WISH]:
                        comparisons.report(recorder, frame, line, number)
                elif event == "exception":
                    self.raised(number, frame.f_lineno, argument[0])
            except Exception:  # What is raised here would reach the program.
                pass
            return traced

        return traced


class Monitoring(Observer):
    """By sys.monitoring, from Python 3.12: code that does not count costs nothing after its first call."""

    TOOL = 4

    def start(self):
        monitoring = sys.monitoring
        monitoring.use_tool_id(self.TOOL, "mcp-litmus")
        events = monitoring.events
        self.local = events.BRANCH | events.LINE
        self.disable = monitoring.DISABLE
        for event, callback in (
            (events.PY_START, self.started),
            (events.BRANCH, self.branched),
            (events.LINE, self.reached),
            (events.RAISE, self.threw),
        ):
            monitoring.register_callback(self.TOOL, event, callback)
        monitoring.set_events(self.TOOL, events.PY_START | events.RAISE)

    def started(self, code, offset):
        known = self.codes.get(id(code))
        if known is None:
            try:
                known = self.entered(code)
                if known is None:
                    return self.disable
                sys.monitoring.set_local_events(self.TOOL, code, self.local)
            except Exception:  # What is raised here would reach the program.
                return self.disable
        self.recorder.hit(known[0])
        return None

    def branched(self, code, offset, destination):
        known = self.codes.get(id(code))
        if known is None:
            return self.disable
        self.recorder.hit(known[0] + offset * 7919 + destination * 104729)
        return None

    def reached(self, code, line):
        known = self.codes.get(id(code))
        if known is None or not known[1] or line not in known[1].lines:
            return self.disable
        if self.recorder.map[WISH]:
            known[1].report(self.recorder, sys._getframe(1), line, known[0])
        return None

    def threw(self, code, offset, exception):
        known = self.codes.get(id(code))
        if known is not None:
            self.raised(known[0], offset, type(exception))


def start():
    path = os.environ.get("LITMUS_COVERAGE_MAP")
    if path:
        words = [word.strip() for word in os.environ.get("LITMUS_COVERAGE_SCOPE", "own").split(",")]
        kind = Monitoring if hasattr(sys, "monitoring") else Tracing
        kind(Recorder(path), Scope(words)).start()


try:
    start()
except Exception:  # A program without coverage is better than none.
    pass
chain()
