#!/usr/bin/env python3
"""Builds a model with the weak-memory checker and runs it: as is, without timeouts, and with each thing
weakened that it must notice. Called by the tests that tools/models.bzl makes.

  model.py SPEC.json [--as-is] [--seed N [--est N] [--untimed] [--weaken TAG | --plant MACRO]]

--as-is weakens nothing. --seed replays one schedule with its trace. Environment: WMM_ITERS schedules per run, QLANE_SEED the first
seed; the checker's own WMM_* as in README.md.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading

import orders
from orders import hash_of_text

INCLUDE_DIRS = [".", "affinity/include", "core/include", "lanes/include"]
# Pinned, whatever --config the test is run under: the checker is the sanitizer here.
COMPILE = ["gcc", "-g", "-O1", "-fsanitize=thread", "-Wno-tsan", "-fno-omit-frame-pointer"]
# -no-pie: addresses as addr2line wants them. now: no symbol is looked up anew in each forked child.
LINK = ["gcc", "-no-pie", "-Wl,-z,now"]
MODES = [("as is", {}), ("without timeouts", {"WMM_TIMEOUTS": "0"})]


class BuildError(Exception):
    """Nothing was tested."""


def output_of(command, **settings):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, **settings)
    return done.returncode, done.stdout.decode(errors="replace")


class Change:
    """A file that says something else. It lies in a folder of its own, which the compiler searches first."""

    def __init__(self, path, text, scratch):
        self.path, self.folder = path, tempfile.mkdtemp(dir=scratch)
        self.place = os.path.join(self.folder, path)
        os.makedirs(os.path.dirname(self.place), exist_ok=True)
        with open(self.place, "w", encoding="utf-8") as file:
            file.write(text)

    def discard(self):
        shutil.rmtree(self.folder)


class Objects:
    """Object files, each made once: models share those of the sources that they run. Any thread may ask."""

    def __init__(self, scratch):
        self.scratch, self.lock = scratch, threading.Lock()
        self.locks, self.needs = {}, {}

    def get(self, path, flags, change=None):
        """The object file, of the changed text if the change reaches it."""
        if change and path != change.path and not self.includes(path, flags, change.path):
            change = None
        key = hash_of_text(" ".join([path, *flags]))[:16] + ".o"
        out = os.path.join(change.folder if change else self.scratch, key)
        with self.lock:
            lock = self.locks.setdefault(out, threading.Lock())
        with lock:
            if not os.path.exists(out):
                self._compile(path, flags, change, out)
        return out

    def includes(self, path, flags, header):
        if not header.endswith(".h"):
            return False
        with open(self.get(path, flags) + ".d", encoding="utf-8") as file:
            return header in map(os.path.normpath, file.read().split())

    def _compile(self, path, flags, change, out):
        source = change.place if change and change.path == path else path
        first = [f"-I{change.folder}", "-w"] if change else []
        # -iquote: where a changed source finds the headers beside it.
        where = first + [f"-I{where}" for where in INCLUDE_DIRS] + ["-iquote", os.path.dirname(path)]
        run_tool(COMPILE + list(flags) + where + ["-MMD", "-MF", out + ".d", "-c", source, "-o", out + ".part"])
        os.rename(out + ".part", out)


def run_tool(command):
    code, output = output_of(command)
    if code:
        raise BuildError(" ".join(command) + "\n" + output)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


class Model:
    """A scenario with the sources that it runs."""

    def __init__(self, spec_path, objects):
        self.spec = json.loads(read(spec_path))
        self.name, self.objects = self.spec["name"], objects
        self.schedules = int(os.environ.get("WMM_ITERS") or self.spec["schedules"])
        self.files = self.spec["scenario"] + self.spec["production"]
        self.compiled = [path for path in self.files if path.endswith(".c")]

    def hash(self):
        """Of the scenario, not of what it runs."""
        sources = [orders.Source(path, read(path)).hash() for path in self.spec["scenario"]]
        return hash_of_text(" ".join(self.spec["copts"] + sources))[:16]

    def flags(self, path, macros=()):
        """Only the scenario sees the model's own flags and macros; so models share the objects of the sources."""
        own = self.spec["copts"] + [f"-D{macro}" for macro in macros]
        # A planted bug may leave something unused: that is not what is tested.
        return self.spec["flags"] + (own + ["-w"] * bool(macros) if path in self.spec["scenario"] else [])

    def runs(self, path):
        """Does the file reach what is compiled?"""
        return path in self.compiled or any(
            self.objects.includes(source, self.flags(source), path) for source in self.compiled)

    def build(self, macros=(), change=None):
        """The executable. A changed one lies in the change's folder."""
        objects = [self.objects.get(path, self.flags(path, macros), change) for path in self.compiled]
        out = os.path.join(change.folder if change else self.objects.scratch, "-".join([self.name, *macros]) + ".run")
        run_tool(LINK + objects + [self.spec["checker"], "-o", out, "-pthread", "-lm"])
        return os.path.abspath(out)


def with_lines(executable, text):
    """`pc 0x...` becomes `function at file:line`."""
    pcs = sorted(set(re.findall(r"\bpc (0x[0-9a-f]+)", text)))
    if not pcs:
        return text
    _, output = output_of(["addr2line", "-s", "-f", "-p", "-e", executable] + pcs)
    lines = dict(zip(pcs, output.splitlines()))
    return re.sub(r"\bpc (0x[0-9a-f]+)", lambda m: lines.get(m[1], m[0]), text)


def first_seed():
    return int(os.environ.get("QLANE_SEED") or 1)


def run(executable, settings, schedules):
    """(failed, output). Each mode has its own seeds: without timed waits the second is more of the first."""
    seed = first_seed() + (1000000 if "WMM_TIMEOUTS" in settings else 0)
    ours = {"WMM_SEED0": str(seed), "WMM_ITERS": str(schedules), "WMM_TIME": "0"}
    environment = {**os.environ, **ours, **settings}
    code, output = output_of([executable], env=environment)
    if code not in (0, 1) or (code == 0 and f"wmm: {schedules} runs" not in output):
        raise BuildError(f"the checker did not do its runs (exit status {code}):\n{output}")
    return code == 1, with_lines(executable, output)


def finding(output):
    """The one line that says what was found."""
    found = re.search(r"=== wmm: (.*)", output)
    return found[1] if found else output.strip().splitlines()[-1]


def caught(executable, schedules, text=""):
    """What the first failing mode says, or None. A failure must say `text`."""
    for _, settings in MODES:
        failed, output = run(executable, settings, schedules)
        if failed and text in output:
            return finding(output)
        if failed:
            raise BuildError(f"it failed otherwise than with \"{text}\":\n{output}")
    return None


def weakened(model, tag):
    """(path, mutant) for each place that has this tag."""
    found = [(path, mutant) for path in model.files for mutant in orders.Source(path, read(path)).tagged(tag)]
    if not found:
        raise orders.SourceError(f"{tag} stands nowhere in this model's files")
    return found


def check_passes(model):
    executable = model.build()
    for mode, settings in MODES:
        failed, output = run(executable, settings, model.schedules)
        if failed:
            print(output)
            replay = re.search(r"replay: WMM_SEED=(\d+) WMM_EST=(\d+)", output)
            if replay:
                options = f"--seed {replay[1]} --est {replay[2]}" + (" --untimed" if settings else "")
                print(f"replay: bazel run {model.spec['label']} -- {options}")
            return False
        print(f"{model.name}, {mode}: {output.strip().splitlines()[-1]}", flush=True)
    return True


def check_noticed(name, what, verdict):
    said = f"noticed, {verdict}" if verdict else "NOT NOTICED: the model is too poor"
    print(f"{name}, {what}: {said}", flush=True)
    return bool(verdict)


def check_all(model):
    good = check_passes(model)
    for tag in model.spec["must_catch"]:
        for path, mutant in weakened(model, tag):
            what = f"{path}:{mutant.line} without {tag}"
            change = Change(path, mutant.text, model.objects.scratch)
            good &= check_noticed(model.name, what, caught(model.build(change=change), model.schedules))
    for macro, text in model.spec["must_fail"].items():
        executable = model.build(macros=[macro])
        good &= check_noticed(model.name, f"with -D{macro}", caught(executable, model.schedules, text))
    return good


def replay(model, options):
    change = None
    if options.weaken:
        path, mutant = weakened(model, options.weaken)[0]
        change = Change(path, mutant.text, model.objects.scratch)
    executable = model.build(macros=[options.plant] if options.plant else [], change=change)
    environment = dict(os.environ, WMM_SEED=str(options.seed), WMM_EST=str(options.est))
    if options.untimed:
        environment["WMM_TIMEOUTS"] = "0"
    code, output = output_of([executable], env=environment)
    print(with_lines(executable, output))
    return code == 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("spec")
    parser.add_argument("--as-is", action="store_true")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--est", type=int, default=200)
    parser.add_argument("--untimed", action="store_true")
    parser.add_argument("--weaken", metavar="TAG")
    parser.add_argument("--plant", metavar="MACRO")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        model = Model(options.spec, Objects(scratch))
        try:
            check = check_passes if options.as_is else check_all
            good = replay(model, options) if options.seed else check(model)
        except (BuildError, orders.SourceError) as error:
            sys.exit(f"{model.name}: {error}")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
