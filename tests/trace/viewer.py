"""A viewer of Chrome trace events, as far as it goes wrong: it stacks the slices of each thread and binds each end of an arrow to the
slice on top, event by event in order of time, as Perfetto's importer does, and counts as an error what that counts as one. Chrome's own
binds an arrow only to a slice of its category."""

import collections

PHASES = {"M", "B", "E", "X", "i", "s", "t", "f"}


def ns(us):
    return round(us * 1000)


class Thread:
    def __init__(self):
        self.stack = []  # [name, start, end], end None while it is open
        self.category = None  # of the last slice

    def push(self, name, start, end):
        """What is wrong with it, or None."""
        while self.stack and self.stack[-1][2] is not None and self.stack[-1][2] <= start and self.stack[-1][1:] != [start, end]:
            self.stack.pop()
        around = [slice for slice in self.stack if slice[2] is not None and end is not None and start < slice[2] < end]
        self.stack.append([name, start, end])
        return f"{name} at {start} overlaps {around[0]}" if around else None

    def end(self, name, at):
        """None also where its begin is older than the trace."""
        inside = []
        while self.stack and self.stack[-1][2] is not None:
            inside.append(self.stack.pop())
        if not self.stack:
            return None
        if self.stack[-1][0] != name:
            return f"{name} ends at {at} inside {self.stack[-1]}"
        self.stack.pop()
        beyond = [slice for slice in inside if slice[2] > at]
        return f"{name} ends at {at} before what is in it, {beyond[0]}" if beyond else None


def look(events):
    """(errors, counts of slices, ends and arrows)."""
    errors, counts = [], collections.Counter()
    threads, flows = collections.defaultdict(Thread), {}
    timed = [e for e in events if e.get("ph") != "M"]
    for e in events:
        if e.get("ph") not in PHASES or "pid" not in e or not e.get("name"):
            errors.append(f"no phase, process or name: {e}")
    for e in sorted(timed, key=lambda e: e["ts"]):
        thread, at, name, phase = threads[e["tid"]], ns(e["ts"]), e["name"], e["ph"]
        wrong = None
        if phase in "BXi":
            wrong = thread.push(name, at, None if phase == "B" else at + ns(e["dur"]) if phase == "X" else at)
            thread.category = e.get("cat")
            counts["slices"] += 1
        elif phase == "E":
            wrong = thread.end(name, at)
            counts["ends"] += 1
        elif not thread.stack or thread.stack[-1][1] != at:
            wrong = f"an arrow at {at} has no slice"
        elif thread.category != e["cat"]:
            wrong = f"an arrow at {at} is of another category than its slice"
        elif phase == "s":
            wrong = f"arrow {e['id']} begins twice" if e["id"] in flows else None
            flows[e["id"]] = at
        elif e["id"] not in flows:
            wrong = f"arrow {e['id']} goes on at {at} and never began"
        else:
            wrong = None if e.get("bp") == "e" else f"arrow {e['id']} is bound to the next slice"
            counts["arrows"] += 1
        if wrong:
            errors.append(wrong)
    return errors, counts
