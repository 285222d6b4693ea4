#!/usr/bin/env -S python3 -B
"""The page of verdicts that mutants.py keeps."""

import unittest

import mutants
from orders import Source

KEY = ("f", "qli_load(&x): ACQUIRE -> RELAXED")
NOTICED = "noticed by m_model"


def page(text="", source="1", model="2"):
    return mutants.Page(text, {"a.c": source}, {"m_model": model})


def said(verdict):
    """A page with one verdict, as text."""
    kept = page()
    kept.verdicts["a.c"][KEY] = verdict
    return kept.text("//x:y", {"a.c": [KEY]})


class KeepsVerdicts(unittest.TestCase):
    def test_reads_what_it_wrote(self):
        for verdict in (NOTICED, "kept: a reason"):
            text = said(verdict)
            self.assertIn(f"## a.c\n\n`1`\n\n| In | Weakened | |\n|---|---|---|\n| `f` | `{KEY[1]}` | {verdict} |", text)
            again = page(text)
            self.assertEqual(again.verdicts["a.c"], {KEY: verdict})
            self.assertEqual(again.text("//x:y", {"a.c": [KEY]}), text)

    def test_forgets_what_was_said_of_another_source(self):
        again = page(said(NOTICED), source="3")
        self.assertEqual(again.verdicts["a.c"], {})
        self.assertEqual(again.before["a.c", *KEY], "m_model")

    def test_forgets_what_another_model_noticed(self):
        self.assertEqual(page(said(NOTICED), model="3").verdicts["a.c"], {})
        self.assertEqual(mutants.Page(said(NOTICED), {"a.c": "1"}, {}).verdicts["a.c"], {})
        self.assertEqual(page(said("kept: a reason"), model="3").verdicts["a.c"], {KEY: "kept: a reason"})

    def test_drops_sources_and_mutants_that_are_gone(self):
        text = page(said(NOTICED)).text("//x:y", {"a.c": []})
        self.assertNotIn(KEY[1], text)
        self.assertNotIn("a.c", mutants.Page(text, {}, {}).text("//x:y", {}))


def job(text, mutants_found):
    made = mutants.Job.__new__(mutants.Job)
    source = Source("a.c", text)
    made.sources, made.counts = {"a.c": source}, {"a.c": mutants.counted(text)}
    made.mutants = {"a.c": list(source.mutants())[:mutants_found]}
    return made


class Counts(unittest.TestCase):
    def test_refuses_fewer_mutants_than_orders(self):
        text = "f(void)\n{\nqli_load(&x, __ATOMIC_SEQ_CST);\nqli_load(&y, __ATOMIC_ACQUIRE);\n}"
        self.assertTrue(job(text, 3).all_counted())
        self.assertFalse(job(text, 2).all_counted())

    def test_counts_what_the_compiler_sees(self):
        text = ("/* __ATOMIC_ACQUIRE */ a(__ATOMIC_ACQ_REL); // __ATOMIC_RELEASE\n"
                "puts(\"// \\\" __ATOMIC_RELEASE\"); b('\"', __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);\n")
        self.assertEqual(mutants.counted(text), 2)


if __name__ == "__main__":
    unittest.main()
