"""An event loop's example, against the same computation in Python; and again while others use every core.

usage: epoll_test.py PROGRAM BELOW"""

import os
import subprocess
import sys

program, below = os.path.abspath(sys.argv[1]), int(sys.argv[2])
known = {1: 0}


def steps(number):
    path = []
    while number not in known:
        path.append(number)
        number = 3 * number + 1 if number % 2 else number // 2
    for at, passed in enumerate(reversed(path)):
        known[passed] = known[number] + at + 1
    return known[path[0] if path else number]


best = max(range(1, below), key=lambda number: (steps(number), -number))
expected = f"{best} begins the longest chain, of {known[best]} steps\n"


def check(runs):
    for run in runs:
        out, err = run.communicate(timeout=120)
        assert run.returncode == 0 and out == expected, (run.returncode, out, expected, err)
        assert " of %d\n" % below in err, "the loop's own timer did not come through"


def start(count):
    return [subprocess.Popen([program, str(below)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(count)]


check(start(1))
check(start(2 * len(os.sched_getaffinity(0))))
