"""Finds the memory orders and fences of a C source, and weakens them.

An operation is a call such as qli_load(p, __ATOMIC_ACQUIRE), qli_cas(p, &old, new, __ATOMIC_ACQ_REL,
__ATOMIC_ACQUIRE) or qli_fence(__ATOMIC_SEQ_CST), or the builtin of that name; what it is, its name tells.
"""

import hashlib
import re

KEPT = re.compile(r"\border kept: *(.*?)\s*(?:\*/|$)", re.S)
TAG = re.compile(r"/[*/]+\s*((?:ORDER|FENCE) \w+:\w+)")
ORDER = re.compile(r"\b__ATOMIC_(SEQ_CST|ACQ_REL|ACQUIRE|RELEASE|CONSUME)\b")

# What each order is weakened to, one mutant each. None deletes a fence.
WEAKER = {
    "load": {"SEQ_CST": ["ACQUIRE", "RELAXED"], "ACQUIRE": ["RELAXED"], "CONSUME": ["RELAXED"]},
    "store": {"SEQ_CST": ["RELEASE", "RELAXED"], "RELEASE": ["RELAXED"]},
    "rmw": {"SEQ_CST": ["ACQ_REL", "RELAXED"], "ACQ_REL": ["ACQUIRE", "RELEASE"],
            "ACQUIRE": ["RELAXED"], "RELEASE": ["RELAXED"], "CONSUME": ["RELAXED"]},
    "fence": {"SEQ_CST": ["ACQ_REL", None], "ACQ_REL": ["ACQUIRE", "RELEASE"],
              "ACQUIRE": [None], "RELEASE": [None], "CONSUME": [None]},
}

# By a part of the call's name; the first that fits.
KINDS = [("fence", "fence"), ("load", "load"), ("store", "store"), ("clear", "store"), ("cas", "rmw"),
         ("exchange", "rmw"), ("fetch_", "rmw"), ("test_and_set", "rmw")]


# Comments, strings and characters.
NO_CODE = re.compile(r"""/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.S)


class SourceError(Exception):
    """The source says something about orders that cannot be understood."""


class Operation:
    """One call: its kind, the text range of the call, and its orders as (match, kind)."""

    def __init__(self, kind, name, start, end):
        self.kind, self.name, self.start, self.end = kind, name, start, end
        self.orders = []


class Mutant:
    """The whole text of a source with one thing weakened; where it is, as a line and as a function."""

    def __init__(self, source, operation, position, what, text):
        self.operation, self.position = operation, position
        self.line, self.function = source.line(position), source.function(position)
        self.what, self.text = what, text


def hash_of_text(text):
    return hashlib.sha256(text.encode()).hexdigest()


def blank(text):
    return re.sub(r"[^\n]", " ", text)


class Source:
    def __init__(self, path, text):
        self.path, self.text = path, text
        self.comments = []
        self.code = NO_CODE.sub(self._outside_code, text)
        self.operations = []
        for match in ORDER.finditer(self.code):
            self._add(match)

    @staticmethod
    def _keep_strings(match):
        return " " if match[0][0] == "/" else match[0]

    def _outside_code(self, match):
        if match[0][0] == "/":
            self.comments.append(match)
        return blank(match[0])

    def line(self, position):
        return self.text.count("\n", 0, position) + 1

    def function(self, position):
        """The function around, by our style: its brace alone at the line's beginning."""
        found = re.findall(r"(\w+)\([^;{}]*\)\n\{", self.code[:position])
        return found[-1] if found else ""

    def hash(self):
        """Of what the compiler sees, and of the reasons for orders kept; comments and layout may change."""
        reasons = [reason for comment in self.comments if (reason := self._reason(comment))]
        return hash_of_text(" ".join(NO_CODE.sub(self._keep_strings, self.text).split() + reasons))

    def where(self, position):
        return f"{self.path}:{self.line(position)}"

    def count(self):
        """Fences, and orders that are stronger than relaxed; counted with no look at the operations."""
        return len(ORDER.findall(self.code))

    def _call_around(self, position):
        """Name's start, the call's end, and the number of commas at its level behind the position."""
        depth, begin = 0, position
        while depth <= 0:
            begin -= 1
            if begin < 0 or self.code[begin] in ";{}":
                raise SourceError(f"{self.where(position)}: an order outside of a call")
            depth += {"(": 1, ")": -1}.get(self.code[begin], 0)
        name = re.search(r"(\w+)\s*$", self.code[:begin])
        if not name:
            raise SourceError(f"{self.where(position)}: an order in parentheses that are no call")
        depth, end, commas = 0, position, 0
        while depth >= 0:
            depth += {"(": 1, ")": -1}.get(self.code[end], 0)
            commas += depth == 0 and self.code[end] == ","
            end += 1
        return name, end, commas

    def _add(self, match):
        name, end, commas = self._call_around(match.start())
        kind = next((kind for part, kind in KINDS if part in name[1]), None)
        if not kind:
            raise SourceError(f"{self.where(match.start())}: {name[1]}() is no known atomic operation")
        known = next((o for o in self.operations if o.start == name.start()), None)
        if not known:
            known = Operation(kind, name[1], name.start(), end)
            self.operations.append(known)
        fails = ("cas" in known.name or "compare" in known.name) and commas == 0
        order_kind = "load" if fails else kind
        if match[1] not in WEAKER[order_kind]:
            raise SourceError(f"{self.where(match.start())}: {match[0]} is no order of a {order_kind}")
        known.orders.append((match, order_kind))

    def mutants(self):
        """Every order weakened in every way, one at a time. Two that read the same in one function are told apart by a number."""
        seen = {}
        for operation in self.operations:
            for match, kind in operation.orders:
                for weaker in WEAKER[kind][match[1]]:
                    mutant = self._mutant(operation, match, kind, weaker)
                    key = (mutant.function, mutant.what)
                    seen[key] = seen.get(key, 0) + 1
                    mutant.what += f", number {seen[key]}" if seen[key] > 1 else ""
                    yield mutant

    def _mutant(self, operation, match, kind, weaker):
        start = match.start()
        if weaker is None:
            what = f"{operation.name}({match[1]}) deleted"
            return Mutant(self, operation, start, what, self._without(operation, self.text))
        first = re.match(r"\w+\(\s*([^,)]*)", self.code[operation.start:])[1].strip()
        object_name = "" if kind == "fence" else f"({first})"
        part = " of a failure" if kind != operation.kind else ""
        what = f"{operation.name}{object_name}: {match[1]}{part} -> {weaker}"
        text = self.text[:start] + "__ATOMIC_" + weaker + self.text[match.end():]
        return Mutant(self, operation, start, what, text)

    @staticmethod
    def _without(operation, text):
        call = text[operation.start:operation.end]
        return text[:operation.start] + "((void)0)" + "\n" * call.count("\n") + text[operation.end:]

    @staticmethod
    def _reason(comment):
        """What a comment says behind `order kept:`, to its end, in one line."""
        found = KEPT.search(comment[0])
        return " ".join(re.sub(r"\n\s*\*", " ", found[1]).split()) if found else None

    def excuse(self, operation):
        """The reason given by `order kept: ...` at the operation's tag, on its first line, or in a comment that ends on the line
        above."""
        line = self.line(operation.start)
        tagged = [comment for _, comment, marked in self.tags() if operation in marked]
        for comment in self.comments:
            near = self.line(comment.start()) <= line <= self.line(comment.end() - 1) + 1
            reason = self._reason(comment)
            if reason and (near or comment in tagged):
                return reason
        return None

    def tags(self):
        """(tag, its comment, operations that it marks) for each comment that begins with a tag such as "FENCE sleep:A" or
        "ORDER inbox:push"."""
        for comment in self.comments:
            tag = TAG.match(comment[0])
            if tag:
                yield tag[1], comment, self._marked_by(comment, tag[1].startswith("FENCE"))

    def tagged(self, tag):
        """A mutant for each comment that begins with this tag. The fence is deleted; every order of the operation becomes
        relaxed."""
        return [self._tagged_by(tag, comment, marked) for found, comment, marked in self.tags() if found == tag]

    def _tagged_by(self, tag, comment, marked):
        if not marked:
            raise SourceError(f"{self.where(comment.start())}: no such operation at {tag}")
        text = self.text
        for operation in reversed(marked):
            if operation.kind == "fence":
                text = self._without(operation, text)
            else:
                for match, _ in reversed(operation.orders):
                    text = text[:match.start()] + "__ATOMIC_RELAXED" + text[match.end():]
        return Mutant(self, marked[0], marked[0].start, tag, text)

    def _marked_by(self, comment, is_fence):
        """Operations on the comment's own line, else those of the statement behind it."""
        begin = self.code.rfind("\n", 0, comment.start()) + 1
        for low, high in ((begin, comment.start()), (comment.end(), self._statement_end(comment.end()))):
            marked = [o for o in self.operations if low <= o.start < high and (o.kind == "fence") == is_fence]
            if marked:
                return marked
        return []

    def _statement_end(self, position):
        depth = 0
        while position < len(self.code) and (depth > 0 or self.code[position] not in ";{"):
            depth += {"(": 1, ")": -1}.get(self.code[position], 0)
            position += 1
        return position
