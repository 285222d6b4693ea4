"""Every block of README and of the guides does what the page says, on qlane as tools/install puts it in place.

usage: pages_test.py PACKAGE_TAR PAGE... [-- unittest arguments]"""

import os
import pathlib
import sys
import tarfile
import tempfile
import unittest

import blocks

PACKAGE, *PAGES = sys.argv[1:]
# What the shell of a page must have said, beside going well.
SAID = {
    "README.md": ["hello from SQLite 3."],
    "embed.md": ["be 2\nto 2\nnot 1\n"] * 3 + ["# EOF\n0 42\n"],
    "engine-sqlite.md": ["30: moved\n500: CHECK constraint failed: balance >= 0\n"
                         "account 1 has 70\naccount 2 has 30\n"],
    "parallel-work.md": ["fib(30) = 832040, no negative root\nmean root 666.666\n"],
    "write-an-engine.md": ["42\n-22: ", "attempt to concatenate a nil value\n-110: ", "asked to end\n"],
    "when-something-hangs.md": ["after 200 ms: -110\n", "runs the stuck one", "stop: -110, ", "'the stuck one'"],
    "choose-cores.md": ["QLANE_WORKERS: "],
}


class Pages(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.scratch = pathlib.Path(scratch.name)
        prefix = self.scratch / "installed"
        with tarfile.open(PACKAGE) as package:
            package.extractall(prefix)
        self.environment = dict(os.environ, PREFIX=str(prefix), PKG_CONFIG_PATH=f"{prefix}/lib/pkgconfig",
                                LD_LIBRARY_PATH=f"{prefix}/lib")

    def test_every_block_holds(self):
        for page in PAGES:
            with self.subTest(page=page):
                folder = self.scratch / page.replace("/", "_")
                folder.mkdir()
                lines, said = blocks.check(page, folder, self.environment)
                print("\n".join(lines))
                for expected in SAID.get(pathlib.Path(page).name, []):
                    self.assertIn(expected, said)
                    said = said.replace(expected, "", 1)

    def test_a_block_that_does_not_compile_is_found(self):
        page = self.scratch / "page.md"
        for text in ("```c a.c\nint f(void) { return g(); }\n```\n", "```sh\nfalse\n```\n", "```python p.py\n)\n```\n"):
            page.write_text(text)
            with self.subTest(text=text), self.assertRaises((AssertionError, SyntaxError)):
                blocks.check(page, self.scratch, self.environment)

    def test_every_block_says_what_becomes_of_it(self):
        for page in PAGES:
            for language, word, _ in blocks.blocks(page):
                self.assertFalse(blocks.unknown(language, word), f"{page}: ```{language} {word}")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
