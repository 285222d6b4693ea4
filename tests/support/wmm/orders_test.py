#!/usr/bin/env -S python3 -B
"""What orders.py finds in C sources, and what it refuses."""

import unittest

from orders import Source, SourceError


def mutants_of(text):
    return [mutant.what for mutant in Source("t.c", text).mutants()]


def lines_of(tag, text):
    return [mutant.line for mutant in Source("t.c", text).tagged(tag)]


class FindsOrders(unittest.TestCase):
    def test_weakens_each_order_to_what_its_operation_allows(self):
        self.assertEqual(mutants_of("qli_load(&a, __ATOMIC_SEQ_CST);"),
                         ["qli_load(&a): SEQ_CST -> ACQUIRE", "qli_load(&a): SEQ_CST -> RELAXED"])
        self.assertEqual(mutants_of("qli_store(&a, 1, __ATOMIC_SEQ_CST);"),
                         ["qli_store(&a): SEQ_CST -> RELEASE", "qli_store(&a): SEQ_CST -> RELAXED"])
        self.assertEqual(mutants_of("qli_fetch_or(&a, 1, __ATOMIC_ACQ_REL);"),
                         ["qli_fetch_or(&a): ACQ_REL -> ACQUIRE", "qli_fetch_or(&a): ACQ_REL -> RELEASE"])

    def test_knows_the_order_of_a_failure(self):
        self.assertEqual(mutants_of("qli_cas(&a, &old, f(b, c), __ATOMIC_RELEASE, __ATOMIC_ACQUIRE);"),
                         ["qli_cas(&a): RELEASE -> RELAXED", "qli_cas(&a): ACQUIRE of a failure -> RELAXED"])

    def test_deletes_a_fence_and_keeps_the_lines(self):
        mutant = list(Source("t.c", "qli_fence(\n    __ATOMIC_RELEASE);\nx();").mutants())[0]
        self.assertEqual(mutant.text, "((void)0)\n;\nx();")

    def test_tells_nested_operations_apart(self):
        text = "qli_store(&a, qli_load(&b, __ATOMIC_ACQUIRE) + 1, __ATOMIC_RELEASE);"
        self.assertEqual(mutants_of(text),
                         ["qli_load(&b): ACQUIRE -> RELAXED", "qli_store(&a): RELEASE -> RELAXED"])

    def test_sees_no_order_in_comments_and_strings(self):
        source = Source("t.c", '/* __ATOMIC_ACQUIRE */ puts("\\"__ATOMIC_RELEASE"); // __ATOMIC_SEQ_CST\n')
        self.assertEqual((source.count(), list(source.mutants())), (0, []))

    def test_refuses_what_it_cannot_place(self):
        for text in ("enum { A = __ATOMIC_ACQUIRE };", "mystery(&a, __ATOMIC_ACQUIRE);",
                     "qli_load(&a, __ATOMIC_RELEASE);", "x = (__ATOMIC_ACQUIRE);"):
            with self.assertRaises(SourceError, msg=text):
                Source("t.c", text)

    def test_names_the_function(self):
        source = Source("t.c", "static int f(int a)\n{\n    g(a);\n    if (a) {\n        "
                               "qli_load(&x, __ATOMIC_ACQUIRE);\n    }\n}\n")
        self.assertEqual([mutant.function for mutant in source.mutants()], ["f"])


class ReadsComments(unittest.TestCase):
    def test_a_tag_is_of_the_statement_behind_its_comment(self):
        text = ("/* FENCE a:A, with a:B */\nqli_fence(__ATOMIC_SEQ_CST);\n"
                "qli_fence(__ATOMIC_SEQ_CST); /* FENCE a:B, with a:A */\n")
        self.assertEqual(lines_of("FENCE a:A", text), [2])
        self.assertEqual(lines_of("FENCE a:B", text), [3])
        self.assertEqual(lines_of("FENCE a", text), [])

    def test_a_comment_that_only_mentions_a_tag_does_not_define_it(self):
        text = "/* for ORDER a:x */\nf();\n/* ORDER a:x (acquire) */\nqli_load(&a, __ATOMIC_ACQUIRE);\n"
        self.assertEqual(lines_of("ORDER a:x", text), [4])

    def test_a_tag_that_stands_twice_is_two_places(self):
        load = "qli_load(&a, __ATOMIC_ACQUIRE);"
        text = f"/* ORDER a:x */\n{load}\n{load} /* ORDER a:x */\n"
        self.assertEqual(lines_of("ORDER a:x", text), [2, 3])

    def test_a_tagged_order_becomes_relaxed_as_a_whole(self):
        text = "/* ORDER a:cas */\nwhile (!qli_cas(&a, &b, c, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {\n"
        self.assertEqual(Source("t.c", text).tagged("ORDER a:cas")[0].text.count("__ATOMIC_RELAXED"), 2)

    def test_refuses_a_tag_that_marks_nothing(self):
        for text in ("/* ORDER a:x */\nf();\nqli_load(&a, __ATOMIC_ACQUIRE);",
                     "/* ORDER a:x */\nqli_fence(__ATOMIC_SEQ_CST);"):
            with self.assertRaises(SourceError, msg=text):
                Source("t.c", text).tagged("ORDER a:x")

    def test_an_excuse_reaches_the_next_line_and_no_further(self):
        load = "qli_load(&a, __ATOMIC_ACQUIRE);\n"
        source = Source("t.c", f"/* why.\n * order kept: for a\n * reader */\n{load}{load}{load} /* order kept: b */")
        self.assertEqual([source.excuse(operation) for operation in source.operations], ["for a reader", None, None])

    def test_an_excuse_is_of_the_whole_operation(self):
        source = Source("t.c", "/* order kept: a */\nqli_cas(&a, &b, c, __ATOMIC_ACQ_REL,\n        __ATOMIC_ACQUIRE);")
        self.assertEqual({source.excuse(mutant.operation) for mutant in source.mutants()}, {"a"})

    def test_an_excuse_at_a_tag_is_of_what_that_marks(self):
        source = Source("t.c", "/* ORDER a:x. order kept: a */\nint y =\n    qli_load(&a, __ATOMIC_ACQUIRE);")
        self.assertEqual(source.excuse(source.operations[0]), "a")

    def test_lists_tags_with_what_they_mark(self):
        source = Source("t.c", "/* ORDER a:x. */\nqli_load(&a, __ATOMIC_ACQUIRE);\n/* FENCE a:A */\nf();\n")
        self.assertEqual([(tag, len(marked)) for tag, _, marked in source.tags()], [("ORDER a:x", 1), ("FENCE a:A", 0)])

    def test_numbers_mutants_that_read_the_same(self):
        what = mutants_of("qli_load(&a, __ATOMIC_ACQUIRE); qli_load(&a, __ATOMIC_ACQUIRE);")
        self.assertEqual(what[1], what[0] + ", number 2")

    def test_a_hash_sees_code_and_reasons_but_no_other_comment(self):
        expected = Source("t.c", "f(x); /* order kept: a */").hash()
        self.assertEqual(Source("t.c", "f(x);\n/* hm */ /* order kept: a */").hash(), expected)
        self.assertNotEqual(Source("t.c", "f(y); /* order kept: a */").hash(), expected)
        self.assertNotEqual(Source("t.c", "f(x); /* order kept: b */").hash(), expected)


if __name__ == "__main__":
    unittest.main()
