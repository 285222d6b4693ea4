"""tools/reference on the headers that a package has: every function is there once, and no link leads nowhere.

usage: reference_test.py PACKAGE_TAR REFERENCE"""

import importlib.machinery
import importlib.util
import pathlib
import re
import sys
import tarfile
import tempfile
import unittest

PACKAGE, REFERENCE = sys.argv.pop(1), sys.argv.pop(1)


class Reference(unittest.TestCase):
    def setUp(self):
        sys.dont_write_bytecode = True
        loader = importlib.machinery.SourceFileLoader("reference", REFERENCE)
        module = importlib.util.module_from_spec(importlib.util.spec_from_loader("reference", loader))
        loader.exec_module(module)
        with tempfile.TemporaryDirectory() as scratch, tarfile.open(PACKAGE) as package:
            package.extractall(scratch)
            self.headers = {path.name: path.read_text() for path in pathlib.Path(scratch, "include/qlane").glob("*.h")}
            module.Reference(self.headers).write(pathlib.Path(scratch, "pages"))
            self.pages = {path.name: path.read_text() for path in pathlib.Path(scratch, "pages").iterdir()}

    def test_every_header_is_a_page(self):
        self.assertEqual(set(self.pages), {"index.html"} | {name.replace(".h", ".html") for name in self.headers})

    def test_every_function_is_declared_in_one_place(self):
        anchors = [anchor for page in self.pages.values() for anchor in re.findall(r'id="(\w+)"', page)]
        self.assertEqual(len(anchors), len(set(anchors)))
        text = re.sub(r"/\*.*?\*/", "", "".join(self.headers.values()), flags=re.DOTALL)
        text = re.sub(r"^#define.*(?:\\\n.*)*", "", text, flags=re.MULTILINE)
        functions = set(re.findall(r"\b(ql_\w+)\(", text))
        self.assertGreater(len(functions), 90)
        self.assertEqual(functions - set(anchors), set())

    def test_every_link_arrives(self):
        for name, page in self.pages.items():
            for target, anchor in re.findall(r'href="([\w.]+)(?:#(\w+))?"', page):
                self.assertIn(target, self.pages, name)
                self.assertTrue(not anchor or f'id="{anchor}"' in self.pages[target], f"{name}: {target}#{anchor}")

    def test_labels_and_examples_are_told_apart_from_words(self):
        self.assertRegex(self.pages["task.html"], r"<dt>Errors</dt><dd>-EINVAL NULL")
        self.assertRegex(self.pages["fork.html"], r"<pre>  QL_FORK_1\(long, fib")


if __name__ == "__main__":
    unittest.main(verbosity=2)
