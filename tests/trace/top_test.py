"""tools/top over a pipe: what the main job writes as it runs is shown, a frame a snapshot.

    top_test.py FEEDS TOP"""

import contextlib
import fcntl
import json
import os
import pathlib
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
import unittest

import viewer

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
            self.assertRegex(frame, r"(?m)^ql-w0 +\|* +\d+% +\d+$")
            self.assertRegex(frame, r"(?m)^q +\|* +\d+% +\d+ +\d+ +(-|<\S+ \w+) +(-|<\S+ \w+)$")
            self.assertRegex(frame, r"(?m)^pool +\d+ +(-|<\S+ \w+) +(-|<\S+ \w+)$")
            self.assertLessEqual(max(map(len, frame.splitlines())), 100)
        self.assertTrue(any(int(re.search(r"(?m)^q +\|* +\d+% +\d+ +(\d+)", frame)[1]) for frame in frames))
        names = {e["name"] for e in events}
        self.assertLessEqual({"parse", "submit parse", "settle parse", "commit"}, names)
        errors, counts = viewer.look(events)
        self.assertEqual(errors, [])
        self.assertGreater(counts["arrows"], 10)

    def test_stays_inside_a_terminal(self):
        snapshot = "".join(f"qlane_{line}\n" for line in (
            "up_seconds 1", "tasks_queued 0", "tasks_running 0", "errors_unobserved_total 0",
            *(f'worker_queued{{worker="ql-w{i}"}} {i}' for i in range(50)))) + "# EOF\n"
        terminal, end = pty.openpty()
        fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 40, 0, 0))
        top = subprocess.Popen([TOP], stdin=subprocess.PIPE, stdout=end)
        os.close(end)
        top.stdin.write(2 * snapshot.encode())
        top.stdin.close()
        said = b""
        with contextlib.suppress(OSError):  # the terminal is gone when its last user is
            while part := os.read(terminal, 65536):
                said += part
        self.assertEqual(top.wait(100), 0)
        os.close(terminal)
        frames = said.decode().split("\033[H")[1:]
        self.assertEqual(len(frames), 2)
        for frame in frames:
            lines = [re.sub(r"\033\[\w*[mKJ]", "", line) for line in frame.split("\r\n")]
            self.assertEqual([len(lines), lines[-1]], [10, ""])
            self.assertLessEqual(max(map(len, lines)), 40)
            self.assertTrue(lines[2].startswith("ql-w0"))

    def test_without_a_snapshot_says_so(self):
        done = subprocess.run([TOP], input="qlane_up_seconds 1\n", stderr=subprocess.PIPE, text=True, timeout=100)
        self.assertEqual((done.returncode, done.stderr), (1, "tools/top: no snapshot was read\n"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
