#!/usr/bin/env python3
"""Weakens every order and fence of production sources, one at a time, and asks models whether they notice.

  mutants.py JOB.json [--only TEXT] [--all] [--write] [--jobs N]

A mutant that no model notices needs a comment `order kept: REASON` in the source, on its operation's line or ending on the
line above. The job fails otherwise, and where it finds fewer mutants than the sources have orders and fences.

A page keeps the verdicts, with a hash of each source and of the scenario of each model. What was noticed or kept while both
said the same is not tried again. --write, with bazel run, brings the page up to date after every verdict, so that a run that
was cut off goes on where it was.
"""

import argparse
import concurrent.futures
import json
import os
import re
import sys
import tempfile
import threading

import model as models
import orders
from model import read

FEW = 200
HEAD = """# Orders

Every memory order and fence of the sources, weakened or taken away one at a time, and which model notices. Made by
`bazel run {label} -- --write`, which tries again only what has changed: a source or a model by its hash, without its comments.
*Kept* says why an order stays that no model notices.
"""
ROW = re.compile(r"\| `(\w*)` \| `(.*)` \| (noticed by (\w+)|kept: .*) \|$")


class Page:
    """Verdicts that hold: by path, then by (function, what) of the mutant."""

    def __init__(self, text, source_hashes, model_hashes):
        self.source_hashes, self.model_hashes = source_hashes, model_hashes
        self.verdicts, self.before = {path: {} for path in source_hashes}, {}
        old_models = dict(re.findall(r"(?m)^\| `(\w+)` \| `(\w+)` \|$", text))
        for section in re.split(r"(?m)^## ", text)[1:]:
            path, said = section.split("\n", 1)
            same = path in source_hashes and f"`{source_hashes[path]}`" in said
            for function, what, verdict, by in (row.groups() for row in map(ROW.match, said.splitlines()) if row):
                self.before[path, function, what] = by
                if same and (not by or old_models.get(by) == model_hashes.get(by) is not None):
                    self.verdicts[path][function, what] = verdict

    def text(self, label, counts):
        lines = [HEAD.format(label=label), "## Models", "", "| Scenario | Hash |", "|---|---|"]
        used = {verdict[len("noticed by "):] for rows in self.verdicts.values() for verdict in rows.values()}
        lines += [f"| `{name}` | `{self.model_hashes[name]}` |" for name in sorted(used & set(self.model_hashes))]
        for path, order in sorted(counts.items()):
            rows = self.verdicts[path]
            lines += ["", f"## {path}", "", f"`{self.source_hashes[path]}`", "", "| In | Weakened | |", "|---|---|---|"]
            lines += [f"| `{function}` | `{what}` | {rows[function, what]} |" for function, what in order
                      if (function, what) in rows]
        return "\n".join(lines) + "\n"


ENDS = {"/*": "*/", "//": "\n", '"': '"', "'": "'"}


def counted(text):
    """How many orders and fences a source has, in code that is found step by step: with nothing of what orders.py knows of C."""
    code, at = [], 0
    while at < len(text):
        begin = next((begin for begin in ENDS if text.startswith(begin, at)), None)
        if not begin:
            code.append(text[at])
            at += 1
            continue
        at += len(begin)
        while at < len(text) and not text.startswith(ENDS[begin], at):
            at += 2 if text[at] == "\\" and begin in "\"'" else 1
        at += len(ENDS[begin])
    return len(re.findall(r"__ATOMIC_(?!RELAXED)[A-Z_]+|__sync_\w+", "".join(code)))


class Job:
    def __init__(self, job, options, scratch):
        self.options, self.scratch = options, scratch
        self.label, self.page_path = job["label"], job["page"]
        objects = models.Objects(scratch)
        self.models = sorted((models.Model(spec, objects) for spec in job["models"]), key=lambda m: len(m.compiled))
        self.sources = {path: orders.Source(path, read(path)) for path in job["mutate"]}
        self.counts = {path: max(counted(source.text), source.count()) for path, source in self.sources.items()}
        self.sources = {path: source for path, source in self.sources.items() if self.counts[path]}
        self.mutants = {path: list(source.mutants()) for path, source in self.sources.items()}
        text = read(self.page_path) if self.page_path else ""
        self.page = Page(text, {path: source.hash()[:16] for path, source in self.sources.items()},
                         {model.name: model.hash() for model in self.models})
        if options.all:
            self.page.verdicts = {path: {} for path in self.sources}
        self.passed, self.lock, self.bad = {}, threading.Lock(), 0

    def all_counted(self):
        good = bool(self.sources)
        total = 0
        for path, mutants in self.mutants.items():
            total += self.counts[path]
            if len({mutant.position for mutant in mutants}) < self.counts[path]:
                print(f"{path}: {len(mutants)} mutants of {self.counts[path]} orders and fences: some are not tried")
                good = False
        found = sum(map(len, self.mutants.values()))
        print(f"{total} orders and fences in {len(self.sources)} sources, {found} mutants")
        if not self.sources:
            print("no order and no fence in these sources: nothing is tried")
        return good and found >= total

    def judges(self, path, mutant):
        """Who noticed it before, then those that must by its tag, then the smallest."""
        tags = {tag for tag, _, marked in self.sources[path].tags() if mutant.operation in marked}
        before = self.page.before.get((path, mutant.function, mutant.what))
        asked = [model for model in self.models if model.runs(path)]
        return sorted(asked, key=lambda m: (m.name != before, not tags & set(m.spec["must_catch"])))

    def check_passes(self, model):
        """A model that fails as it is would notice everything."""
        with self.lock:
            lock = self.passed.setdefault(model.name, threading.Lock())
        with lock:
            if self.passed.get(model.name + " passed"):
                return
            if models.caught(model.build(), FEW):
                raise models.BuildError(f"{model.name} fails with nothing weakened")
            self.passed[model.name + " passed"] = True

    def judge(self, path, mutant):
        """What the page says of it. All models with a few schedules first, most mutants need no more, and an excused one gets no
        more."""
        excuse = self.sources[path].excuse(mutant.operation)
        change = models.Change(path, mutant.text, self.scratch)
        built, finding, by = {}, None, None
        try:
            asked = self.judges(path, mutant)
            for model, many in [(m, False) for m in asked] + [(m, True) for m in asked if not excuse]:
                self.check_passes(model)
                built[model] = built.get(model) or model.build(change=change)
                finding = models.caught(built[model], model.schedules if many else FEW)
                if finding:
                    by = model.name
                    break
        finally:
            change.discard()
        verdict = f"noticed by {by}" if by else f"kept: {excuse}" if excuse else None
        self.note(path, mutant, verdict, finding)

    def note(self, path, mutant, verdict, finding):
        said = (verdict or "NOT NOTICED") + (f" ({finding})" if finding else "")
        with self.lock:
            print(f"{path}:{mutant.line}: {mutant.what}: {said}", flush=True)
            self.bad += not verdict
            if verdict:
                self.page.verdicts[path][mutant.function, mutant.what] = verdict
            self.write()

    def write(self):
        if not self.options.write:
            return
        order = {path: [(m.function, m.what) for m in mutants] for path, mutants in self.mutants.items()}
        place = os.path.join(os.environ["BUILD_WORKSPACE_DIRECTORY"], self.page_path)
        with open(place + ".new", "w", encoding="utf-8") as file:
            file.write(self.page.text(self.label, order))
        os.rename(place + ".new", place)

    def todo(self):
        return [(path, mutant) for path, mutants in self.mutants.items() for mutant in mutants
                if (mutant.function, mutant.what) not in self.page.verdicts[path]
                and self.options.only in f"{path}:{mutant.line}: {mutant.what}"]

    def run(self):
        good = self.all_counted()
        self.write()
        todo = self.todo()
        print(f"{len(todo)} to try, the verdicts of the others hold", flush=True)
        with concurrent.futures.ThreadPoolExecutor(self.options.jobs) as pool:
            try:
                for done in [pool.submit(self.judge, path, mutant) for path, mutant in todo]:
                    done.result()
            except (models.BuildError, orders.SourceError):
                pool.shutdown(cancel_futures=True)
                raise
        print(f"{len(todo)} tried, {self.bad} not noticed")
        return good and not self.bad


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("job")
    parser.add_argument("--only", default="", metavar="TEXT", help="mutants with TEXT in `PATH:LINE: WHAT`")
    parser.add_argument("--all", action="store_true", help="those too whose verdicts hold")
    parser.add_argument("--write", action="store_true", help="bring the page of verdicts up to date")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), metavar="N")
    options = parser.parse_args()
    job = json.loads(read(options.job))
    if options.write and not job["page"]:
        sys.exit("--write wants a page")
    with tempfile.TemporaryDirectory() as scratch:
        try:
            good = Job(job, options, scratch).run()
        except (models.BuildError, orders.SourceError) as error:
            sys.exit(str(error))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
