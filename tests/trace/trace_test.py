"""Reads a trace back, and checks the path of each task that was accepted.

    trace_test.py PROGRAM"""

import collections
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import viewer

PROGRAM = sys.argv.pop(1)
CODES = {"failing": -5, "cancelled": -125}
PROBES = {"submit", "start", "settle", "park", "wake", "steal", "commit"}


def trace(*arguments):
    """What the program said of its tasks, and its events."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "trace.json")
        said = subprocess.run([PROGRAM, path, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout
        return json.loads(said), json.loads(path.read_text())["traceEvents"]


class Forgetful(unittest.TestCase):
    def test_the_last_events_of_each_thread_are_kept_and_tied_to_no_other_task(self):
        kept = 64
        _, events = trace(str(kept))
        self.assertEqual(viewer.look(events)[0], [])
        threads = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
        own = collections.Counter(threads.get(e["tid"]) for e in events if e["ph"] in "BEXi")
        self.assertEqual(max(own.values()), kept)
        self.assertEqual(own["ql-lane-q"], kept)
        names = {e["name"].split(" ", 1)[-1] for e in events}
        self.assertLessEqual({"again", "reused", "flood"}, names)  # the last ones; not the first of the host's and of the lane's
        self.assertFalse([e for e in events if e["name"] == "submit victim" or (e["ph"], e["name"]) == ("B", "held")])
        tied = collections.defaultdict(list)
        for e in events:
            if e["ph"] in "BX" and e["args"].get("task"):
                tied[e["args"]["task"]].append(e)
        for slices in tied.values():
            self.assertTrue(slices[0]["name"].startswith("submit "), slices)
            self.assertEqual(len({e["name"].split(" ", 1)[-1] for e in slices}), 1, slices)
            self.assertLessEqual(len(slices), 3)


class Trace(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.expected, cls.events = trace()
        cls.slices = [e for e in cls.events if e["ph"] in "BX"]
        cls.submits = {e["args"]["task"]: e for e in cls.slices if e["name"].startswith("submit ")}
        cls.settles = {e["args"]["task"]: e for e in cls.slices if e["name"].startswith("settle ")}
        cls.runs = {e["args"]["task"]: e for e in cls.events if e["ph"] == "B"}
        cls.ends = {e["args"]["task"]: e for e in cls.events if e["ph"] == "E"}

    def test_every_accepted_task_is_there_by_name(self):
        names = collections.Counter(e["name"][len("submit "):] for e in self.submits.values())
        self.assertEqual(names, self.expected)

    def test_every_task_goes_from_submit_to_run_to_settle(self):
        self.assertEqual(self.submits.keys(), self.settles.keys())
        self.assertEqual(self.runs.keys(), self.ends.keys())
        for task, submit in self.submits.items():
            name, settle = submit["name"][len("submit "):], self.settles[task]
            self.assertEqual(settle["name"], f"settle {name}")
            self.assertEqual(settle["args"]["code"], CODES.get(name, 0))
            self.assertEqual(task in self.runs, name != "cancelled", name)
            if task not in self.runs:
                self.assertLessEqual(submit["ts"], settle["ts"])
                continue
            run, end = self.runs[task], self.ends[task]
            self.assertEqual((run["name"], run["tid"]), (name, end["tid"]))
            self.assertLessEqual(submit["ts"], run["ts"])
            self.assertLessEqual(run["ts"], end["ts"])
            self.assertLessEqual(end["ts"], settle["ts"])

    def test_arrows_go_the_same_way(self):
        flows = collections.defaultdict(dict)
        for e in self.events:
            if e["ph"] in "stf":
                self.assertNotIn(e["ph"], flows[e["id"]])
                flows[e["id"]][e["ph"]] = e
        self.assertEqual(flows.keys(), self.submits.keys())
        for task, flow in flows.items():
            steps = [("s", self.submits), ("f", self.settles)] + [("t", self.runs)] * (task in self.runs)
            self.assertEqual(set(flow), {step for step, _ in steps})
            for step, events in steps:
                self.assertEqual((flow[step]["ts"], flow[step]["tid"]), (events[task]["ts"], events[task]["tid"]))

    def test_slices_of_a_thread_stand_inside_one_another(self):
        threads = collections.defaultdict(list)
        for e in self.events:
            if e["ph"] in "BEX":
                threads[e["tid"]].append(e)
        for events in threads.values():
            open_until, last = [], 0
            for e in events:
                self.assertGreaterEqual(e["ts"], last)
                last = e["ts"]
                while open_until and open_until[-1] is not None and open_until[-1] <= e["ts"] + 1e-6:
                    open_until.pop()
                if e["ph"] == "B":
                    open_until.append(None)
                elif e["ph"] == "E":
                    self.assertIsNone(open_until.pop(), e)
                else:
                    ends = [at for at in open_until if at is not None]
                    self.assertTrue(not ends or e["ts"] + e["dur"] <= ends[-1] + 0.0015, e)
                    open_until.append(e["ts"] + e["dur"])

    def test_a_viewer_finds_nothing_wrong(self):
        errors, counts = viewer.look(self.events)
        self.assertEqual(errors, [])
        self.assertEqual(counts["ends"], len(self.runs))
        self.assertEqual(counts["arrows"], len(self.runs) + len(self.settles))

    def test_a_viewer_finds_what_is_wrong(self):
        run = next(e for e in self.events if e["ph"] == "B")
        spoilt = {"an arrow at": [dict(e, tid=1) if e["ph"] == "s" else e for e in self.events],
                  "never began": [e for e in self.events if e["ph"] != "s"],
                  "bound to the next": [{k: v for k, v in e.items() if k != "bp"} for e in self.events],
                  "overlaps": self.events + [dict(run, ph="X", ts=run["ts"] - 1, dur=2, name=name, tid=1) for name in "ab"]
                              + [dict(run, ph="X", ts=run["ts"], dur=2, name="c", tid=1)],
                  "another category": [dict(e, cat="x") if e["ph"] == "X" else e for e in self.events],
                  "no phase": self.events + [dict(run, name="")]}
        for said, events in spoilt.items():
            with self.subTest(said=said):
                self.assertTrue([error for error in viewer.look(events)[0] if said in error])

    def test_threads_are_named_and_sleeps_and_commits_are_there(self):
        names = {e["tid"]: e["args"]["name"] for e in self.events if e["name"] == "thread_name"}
        self.assertLessEqual({"ql-w0", "ql-w1", "ql-lane-q"}, set(names.values()))
        where = {name: {names.get(e["tid"]) for e in self.runs.values() if e["name"] == name} for name in self.expected}
        self.assertEqual(where['in"ner\\\t'], {"ql-lane-q"})
        self.assertNotIn("ql-lane-q", where["plain"])
        commits = [e for e in self.slices if e["name"] == "commit"]
        on_lane = sum(1 for e in self.runs.values() if names.get(e["tid"]) == "ql-lane-q")
        self.assertEqual(sum(e["args"]["tasks"] for e in commits), on_lane)
        self.assertEqual({names[e["tid"]] for e in commits}, {"ql-lane-q"})
        self.assertTrue([e for e in self.slices if e["name"] == "asleep"])
        self.assertTrue([e for e in self.events if (e["ph"], e["name"]) == ("i", "steal")])
        self.assertNotEqual(where["robbed"], where["victim"])

    def test_the_program_has_every_probe(self):
        if not any(pathlib.Path(path).exists() for path in
                   ["/usr/include/sys/sdt.h", "/usr/include/x86_64-linux-gnu/sys/sdt.h",
                    "/usr/include/aarch64-linux-gnu/sys/sdt.h"]):
            self.skipTest("sys/sdt.h is not installed: there are no probes")
        notes = subprocess.run(["readelf", "-n", "-W", PROGRAM], check=True, stdout=subprocess.PIPE, text=True).stdout
        names = [line.split()[1] for line in notes.splitlines() if line.strip().startswith("Name:")]
        self.assertLessEqual(PROBES, set(names))
        self.assertEqual(notes.count("Provider: qlane"), len(names))


if __name__ == "__main__":
    unittest.main(verbosity=2)
