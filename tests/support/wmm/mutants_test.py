#!/usr/bin/env -S python3 -B
"""The page of verdicts that mutants.py keeps."""

import unittest

import mutants
from orders import Source


def section(path, digest, text):
    mutant = next(Source(path, f"f(void)\n{{\n{text}").mutants())
    return mutants.section(path, digest, 1, [mutants.Verdict(mutant, "m_model", "", None)])


class KeepsVerdicts(unittest.TestCase):
    def test_a_section_says_what_was_weakened_and_who_noticed(self):
        text = section("a.c", "12", "qli_load(&x, __ATOMIC_ACQUIRE);")
        self.assertIn("## a.c\n\n`12`", text)
        self.assertIn("| `f` | `qli_load(&x): ACQUIRE -> RELAXED` | noticed by m_model |", text)

    def test_a_new_section_takes_the_place_of_the_old_one(self):
        page = "# Title\n\nText.\n"
        for path, digest in (("b.c", "1"), ("a.c", "2"), ("b.c", "3")):
            page = mutants.put_section(page, path, section(path, digest, "qli_load(&x, __ATOMIC_ACQUIRE);"))
        self.assertTrue(page.startswith("# Title\n\nText.\n\n## a.c\n\n`2`"))
        self.assertEqual((page.count("## b.c"), page.count("`3`"), page.count("`1`")), (1, 1, 0))


class Judges(unittest.TestCase):
    def test_an_excuse_is_asked_for_only_where_nobody_notices(self):
        mutant = next(Source("a.c", "qli_load(&x, __ATOMIC_ACQUIRE);").mutants())
        self.assertTrue(mutants.Verdict(mutant, "m", "", None).good())
        self.assertTrue(mutants.Verdict(mutant, None, None, "a reason").good())
        self.assertFalse(mutants.Verdict(mutant, None, None, None).good())


if __name__ == "__main__":
    unittest.main()
