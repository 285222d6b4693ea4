"""tools/top over a pipe: what the main job writes as it runs is shown, a frame a snapshot.

    top_test.py FEEDS TOP"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

TOP, FEEDS = sys.argv.pop(), sys.argv.pop()


class Top(unittest.TestCase):
    def test_shows_the_main_job_over_a_pipe(self):
        with tempfile.TemporaryDirectory() as folder:
            csv, pipe, trace = (pathlib.Path(folder, name) for name in ("in.csv", "pipe", "trace.json"))
            csv.write_text("k,v\n" + "".join(f"{i % 7},{i}\n" for i in range(3000)))
            os.mkfifo(pipe)
            feeds = subprocess.Popen([FEEDS, "--csv", csv, "--feeds", "2", "--rate", "1500", "--metrics", pipe,
                                      "--trace", trace], stdout=subprocess.DEVNULL)
            top = subprocess.run([TOP, pipe], stdout=subprocess.PIPE, text=True, timeout=100, check=True)
            self.assertEqual(feeds.wait(100), 0)
            events = json.loads(trace.read_text())["traceEvents"]
        frames = top.stdout.split("\n\n")[:-1]
        self.assertGreaterEqual(len(frames), 3)
        self.assertNotIn("\033", top.stdout)
        for frame in frames:
            self.assertRegex(frame, r"^up \d+\.\d s +\d+ tasks/s +\d+ queued +\d+ running")
            self.assertRegex(frame, r"(?m)^ql-w0 +\d+% +\d+$")
            self.assertRegex(frame, r"(?m)^q +\d+% +\d+ +\d+ +(-|<\S+ \w+) +(-|<\S+ \w+)$")
        self.assertTrue(any(int(re.search(r"(?m)^q +\d+% +\d+ +(\d+)", frame)[1]) for frame in frames))
        names = {e["name"] for e in events}
        self.assertLessEqual({"parse", "submit parse", "settle parse", "commit"}, names)

    def test_without_a_snapshot_says_so(self):
        done = subprocess.run([TOP], input="qlane_up_seconds 1\n", stderr=subprocess.PIPE, text=True, timeout=100)
        self.assertEqual((done.returncode, done.stderr), (1, "tools/top: no snapshot was read\n"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
