#!/usr/bin/env python3
"""Builds a model with the weak-memory checker and runs it: as is, without timeouts, and with each thing
weakened that it must notice. Called by the tests that tools/models.bzl makes.

  model.py SPEC.json [--seed N [--est N] [--untimed] [--weaken TAG | --plant MACRO]]

--seed replays one schedule with its trace. Environment: WMM_ITERS schedules per run, QLANE_SEED the first
seed; the checker's own WMM_* as in README.md.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

import orders

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


class Model:
    """A scenario with the sources it runs, in a private copy of the files that a mutant may overwrite."""

    def __init__(self, spec_path, scratch):
        with open(spec_path, encoding="utf-8") as file:
            self.spec = json.load(file)
        self.name = self.spec["name"]
        self.checker = os.path.abspath(self.spec["checker"])
        self.tree = os.path.join(scratch, self.name)
        self.builds = 0
        self.schedules = int(os.environ.get("WMM_ITERS") or self.spec["schedules"])
        for path in self.spec["files"]:
            copy = os.path.join(self.tree, path)
            os.makedirs(os.path.dirname(copy), exist_ok=True)
            with open(path, "rb") as source, open(copy, "wb") as target:
                target.write(source.read())

    def source(self, path):
        with open(os.path.join(self.tree, path), encoding="utf-8") as file:
            return orders.Source(path, file.read())

    def build(self, macros=(), changed=None):
        """The executable; changed: (path, text) instead of what the file says."""
        self.builds += 1
        out = os.path.join(self.tree, f"run{self.builds}")
        original = None
        if changed:
            original = self.source(changed[0]).text
            self._write(changed[0], changed[1])
        try:
            plain = not macros and not changed
            objects = [self._object(path, macros, changed, plain) for path in self.spec["compiled"]]
            self._run(LINK + objects + [self.checker, "-o", out, "-pthread"])
        finally:
            if changed:
                self._write(changed[0], original)
        return out

    def _write(self, path, text):
        with open(os.path.join(self.tree, path), "w", encoding="utf-8") as file:
            file.write(text)

    def _object(self, path, macros, changed, plain):
        """Compiled anew, unless no macro and no changed file reaches what the unchanged build has."""
        kept = os.path.join(self.tree, path.replace("/", "_") + ".o")
        reached = plain or macros or changed[0].endswith(".h") or changed[0] == path
        if not reached and os.path.exists(kept):
            return kept
        out = kept if plain else f"{kept}.{self.builds}.o"
        flags = self.spec["copts"] + [f"-I{where}" for where in INCLUDE_DIRS] + [f"-D{m}" for m in macros]
        # A mutant and a planted bug may leave something unused or ill-ordered: that is not what is tested.
        flags += [] if plain else ["-w"]
        self._run(COMPILE + flags + ["-c", path, "-o", out])
        return out

    def _run(self, command):
        code, output = output_of(command, cwd=self.tree)
        if code:
            raise BuildError(" ".join(command) + "\n" + output)


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
    found = [(path, mutant) for path in model.spec["files"] for mutant in model.source(path).tagged(tag)]
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
            executable = model.build(changed=(path, mutant.text))
            good &= check_noticed(model.name, what, caught(executable, model.schedules))
    for macro, text in model.spec["must_fail"].items():
        executable = model.build(macros=[macro])
        good &= check_noticed(model.name, f"with -D{macro}", caught(executable, model.schedules, text))
    return good


def replay(model, options):
    changed = None
    if options.weaken:
        path, mutant = weakened(model, options.weaken)[0]
        changed = (path, mutant.text)
    executable = model.build(macros=[options.plant] if options.plant else [], changed=changed)
    environment = dict(os.environ, WMM_SEED=str(options.seed), WMM_EST=str(options.est))
    if options.untimed:
        environment["WMM_TIMEOUTS"] = "0"
    code, output = output_of([executable], env=environment)
    print(with_lines(executable, output))
    return code == 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("spec")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--est", type=int, default=200)
    parser.add_argument("--untimed", action="store_true")
    parser.add_argument("--weaken", metavar="TAG")
    parser.add_argument("--plant", metavar="MACRO")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        model = Model(options.spec, scratch)
        try:
            good = replay(model, options) if options.seed else check_all(model)
        except (BuildError, orders.SourceError) as error:
            sys.exit(f"{model.name}: {error}")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
