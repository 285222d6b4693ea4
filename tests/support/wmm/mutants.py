#!/usr/bin/env python3
"""Weakens every order and fence of production sources, one at a time, and asks models whether they notice.

  mutants.py JOB.json [--only TEXT] [--write]

A mutant that no model notices needs a comment `order kept: REASON` in the source, on its line or ending on
the line above. The job fails otherwise, and where it finds fewer mutants than the source has orders and
fences.

A page keeps the verdicts, with one hash over the code of each source and of all files of the models that
judged it. A source whose hash still stands there is not tried again. --write, with bazel run, brings the page
up to date.
"""

import argparse
import json
import os
import re
import sys
import tempfile

import model as models
import orders


FEW = 200


class Verdict:
    def __init__(self, mutant, model, finding, excuse):
        self.mutant, self.model, self.finding, self.excuse = mutant, model, finding, excuse

    def good(self):
        return bool(self.model or self.excuse)

    def text(self):
        if self.model:
            return f"noticed by {self.model}"
        return f"kept: {self.excuse}" if self.excuse else "NOT NOTICED"


def judge(source, mutant, judges):
    """All models with a few schedules first: most mutants need no more, and an excused one gets no more."""
    excuse = source.excuse(mutant.line)
    executables = [(model, model.build(changed=(source.path, mutant.text))) for model in judges]
    for many in (False,) if excuse else (False, True):
        for model, executable in executables:
            finding = models.caught(executable, model.schedules if many else FEW)
            if finding:
                return Verdict(mutant, model.name, finding, None)
    return Verdict(mutant, None, None, excuse)


def shard(mutants):
    """Bazel's part of the work for this process."""
    status = os.environ.get("TEST_SHARD_STATUS_FILE")
    if status:
        with open(status, "w", encoding="utf-8"):
            pass
    total, index = int(os.environ.get("TEST_TOTAL_SHARDS") or 1), int(os.environ.get("TEST_SHARD_INDEX") or 0)
    return mutants[index::total]


def hash_of(path, judges):
    files = [path] + sorted({file for model in judges for file in model.spec["files"]})
    return orders.hash_of_text(" ".join(orders.Source(file, read(file)).hash() for file in files))[:32]


def section(path, digest, count, verdicts):
    lines = [f"## {path}", "", f"`{digest}`: {count} orders and fences, {len(verdicts)} mutants.", "",
             "| In | Weakened | |", "|---|---|---|"]
    lines += [f"| `{v.mutant.function}` | `{v.mutant.what}` | {v.text()} |" for v in verdicts]
    return "\n".join(lines) + "\n"


def put_section(page, path, text):
    """The page with this source's section replaced, or added in order of paths."""
    head, *sections = re.split(r"(?m)^(?=## )", page)
    kept = [part.strip() + "\n" for part in sections if not part.startswith(f"## {path}\n")]
    return "\n".join([head.strip() + "\n"] + sorted(kept + [text]))


def try_source(path, judges, only):
    """(good, count, verdicts)"""
    source = judges[0].source(path)
    mutants = list(source.mutants())
    if len(mutants) < source.count():
        print(f"{path}: {len(mutants)} mutants of {source.count()} orders and fences: some are not tried")
        return False, source.count(), []
    for model in judges:
        if models.caught(model.build(), FEW):
            raise models.BuildError(f"{model.name} fails with nothing weakened")
    verdicts = []
    for mutant in shard([m for m in mutants if only in f"{m.line}: {m.what}"]):
        verdict = judge(source, mutant, judges)
        verdicts.append(verdict)
        print(f"{path}:{mutant.line}: {mutant.what}: {verdict.text()}"
              + (f" ({verdict.finding})" if verdict.finding else ""), flush=True)
    good = sum(v.good() for v in verdicts)
    print(f"{path}: {source.count()} orders and fences, {len(verdicts)} mutants, {len(verdicts) - good} bad")
    return good == len(verdicts), source.count(), verdicts


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def run_job(job, options, scratch):
    all_models = [models.Model(spec, scratch) for spec in job["models"]]
    page = read(job["page"]) if job["page"] else ""
    paths = [path for path in job["mutate"] if orders.Source(path, read(path)).count()]
    all_good = bool(paths)
    if not paths:
        print("no order and no fence in these sources: nothing is tried")
    for path in paths:
        judges = [model for model in all_models if path in model.spec["files"]]
        judges.sort(key=lambda model: len(model.spec["compiled"]))
        if not judges:
            raise models.BuildError(f"{path}: in none of these models")
        digest = hash_of(path, judges)
        if f"## {path}\n\n`{digest}`" in page and not options.only:
            print(f"{path}: unchanged, and so are its models: the verdicts in {job['page']} hold")
            continue
        good, count, verdicts = try_source(path, judges, options.only)
        all_good &= good
        if good:
            page = put_section(page, path, section(path, digest, count, verdicts))
    if options.write:
        place = os.path.join(os.environ["BUILD_WORKSPACE_DIRECTORY"], job["page"])
        with open(place, "w", encoding="utf-8") as file:
            file.write(page)
    return all_good


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("job")
    parser.add_argument("--only", default="", metavar="TEXT", help="mutants with TEXT in `LINE: WHAT`")
    parser.add_argument("--write", action="store_true", help="bring the page of verdicts up to date")
    options = parser.parse_args()
    job = json.loads(read(options.job))
    if options.write and (options.only or not job["page"]):
        sys.exit("--write wants a page, and all mutants")
    with tempfile.TemporaryDirectory() as scratch:
        try:
            good = run_job(job, options, scratch)
        except (models.BuildError, orders.SourceError) as error:
            sys.exit(str(error))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
