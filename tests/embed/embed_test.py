"""qlane as tools/install puts it in place, seen by a program that is not ours.

usage: embed_test.py PACKAGE_TAR [unittest arguments]"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest

PACKAGE = os.path.abspath(sys.argv.pop(1))
HERE = pathlib.Path(__file__).resolve().parent
CONFIG = "    unsigned fork_depth;"


def run(*command, expect=0, **more):
    """What it said, if it exits with `expect`."""
    done = subprocess.run([str(word) for word in command], text=True, timeout=120, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, **more)
    if done.returncode != expect:
        raise AssertionError(f"{command}: exit status {done.returncode}, not {expect}\n{done.stdout}")
    return done.stdout


class Installed(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.scratch = pathlib.Path(scratch.name)
        self.prefix = self.scratch / "installed"
        with tarfile.open(PACKAGE) as package:
            package.extractall(self.prefix)
        self.lib = self.prefix / "lib"
        self.version = re.search(r'QL_VERSION "(.*)"', (self.prefix / "include/qlane/version.h").read_text())[1]
        self.abi = self.version.rpartition(".")[0]
        self.libraries = sorted(path.stem.removeprefix("lib") for path in self.lib.glob("*.a"))

    def pkg_config(self, *arguments):
        environment = dict(os.environ, PKG_CONFIG_PATH=str(self.lib / "pkgconfig"))
        return run("pkg-config", *arguments, env=environment).split()

    def cc(self, *arguments, expect=0):
        return run("cc", "-std=c11", *arguments, f"-Wl,-rpath,{self.lib}", cwd=self.scratch, expect=expect)

    def headers(self, change):
        """A copy of the headers in which `change` of a text is made: (path, old, new)."""
        path, old, new = change
        copy = self.scratch / "changed"
        shutil.copytree(self.prefix / "include", copy)
        text = (copy / path).read_text()
        self.assertIn(old, text)
        (copy / path).write_text(text.replace(old, new))
        return copy


class Libraries(Installed):
    def names(self, path, *flags):
        """The global names that a library defines; those of a version (type A) are none."""
        found = [line.split() for line in run("nm", "--defined-only", *flags, path).splitlines()]
        return {words[2].partition("@")[0] for words in found if len(words) == 3 and words[1] != "A"}

    def test_there_is_one_for_qlane_and_one_for_each_engine(self):
        self.assertEqual(self.libraries[0], "qlane")
        self.assertLessEqual({"qlane_q", "qlane_sqlite"}, set(self.libraries))

    def test_they_export_what_the_headers_declare_and_nothing_else(self):
        headers = self.prefix / "include"
        (self.scratch / "all.c").write_text("".join(
            f"#include <{path.relative_to(headers)}>\n" for path in headers.glob("qlane/**/*.h")))
        said = run("cc", "-E", "-P", f"-I{headers}", self.scratch / "all.c")
        declared = {name for name in re.findall(r"\b(ql_\w+) ?\(", said) if not name.endswith("_fn")}
        declared -= set(re.findall(r"\bstatic inline [^;{(]*?\b(ql_\w+) ?\(", said))
        exported = set()
        for library in self.libraries:
            shared = self.names(self.lib / f"lib{library}.so", "--dynamic")
            self.assertEqual(shared, self.names(self.lib / f"lib{library}.a", "--extern-only"))
            exported |= shared
        self.assertEqual({name for name in exported if not name.startswith("ql_private_")}, declared)

    def test_what_they_need_of_one_another_is_public_or_of_this_very_version(self):
        for library in self.libraries:
            needed = run("nm", "--dynamic", "--undefined-only", self.lib / f"lib{library}.so")
            self.assertNotRegex(needed, r"\bqli_")
            for name, node in re.findall(r"\b(ql_private_\w+)@(\w+(?:\.\w+)*)", needed):
                self.assertEqual(node, f"qlane_private_{self.version}", name)

    def test_each_shared_one_has_its_name_and_stays(self):
        for library in self.libraries:
            said = run("readelf", "--dynamic", self.lib / f"lib{library}.so")
            self.assertIn(f"Library soname: [lib{library}.so.{self.abi}]", said)
            self.assertRegex(said, r"Flags: .*NODELETE")
            self.assertRegex(said, r"Flags: .*\bNOW\b")

    def test_pkg_config_has_the_version_of_the_header(self):
        for library in self.libraries:
            self.assertEqual(self.pkg_config("--modversion", library), [self.version])

    def test_ql_version_is_that_of_the_header(self):
        (self.scratch / "version.c").write_text(
            "#include <qlane/version.h>\n#include <string.h>\nint main(void) { return strcmp(ql_version(), QL_VERSION); }")
        self.cc("version.c", "-o", "version", *self.pkg_config("--cflags", "--libs", "qlane"))
        run(self.scratch / "version")

    def test_static_linking_leaves_no_shared_library_of_ours(self):
        self.cc(HERE / "forks.c", "-o", "forks", *self.pkg_config("--cflags", "qlane"),
                *self.pkg_config("--variable=static", "qlane"))
        shutil.rmtree(self.prefix)
        self.assertNotIn("qlane", run("ldd", self.scratch / "forks"))
        self.assertEqual(run(self.scratch / "forks"), "fib(20) is 6765\n")

    def test_what_is_installed_may_be_moved(self):
        moved = self.scratch / "moved"
        self.prefix.rename(moved)
        self.prefix, self.lib = moved, moved / "lib"
        self.cc(HERE / "forks.c", "-o", "forks", *self.pkg_config("--cflags", "--libs", "qlane"))
        self.assertEqual(run(self.scratch / "forks"), "fib(20) is 6765\n")


class Mismatch(Installed):
    def forks(self, include, expect=0):
        return self.cc(f"-I{include}", HERE / "forks.c", "-o", "forks", f"-L{self.lib}", "-lqlane", expect=expect)

    def test_a_fork_header_of_another_stamp_does_not_link(self):
        stamp = re.search(r"ql_fork_slow_(\d+)", (self.prefix / "include/qlane/impl/deque.h").read_text())[1]
        include = self.headers(("qlane/impl/deque.h", f"_slow_{stamp}", "_slow_999"))
        self.assertRegex(self.forks(include, expect=1), "undefined reference to `ql_fork_slow_999'")

    def test_a_config_of_another_size_is_refused_with_a_sentence(self):
        self.forks(self.headers(("qlane/runtime.h", CONFIG, CONFIG + " void *later;")))
        said = run(self.scratch / "forks", expect=1)
        self.assertRegex(said, r"config.size is \d+, this library's is \d+: .*use the header that came with the library")

    def test_the_library_of_another_version_is_not_taken(self):
        self.forks(self.prefix / "include")
        other = f"libqlane.so.{self.abi}9"
        (self.lib / f"libqlane.so.{self.abi}").rename(self.lib / other)
        said = run(self.scratch / "forks", expect=127)
        self.assertRegex(said, rf"libqlane.so.{self.abi}: cannot open shared object file")


    def test_an_engine_of_another_build_is_not_taken(self):
        self.cc(HERE / "forks.c", "-o", "forks", *self.pkg_config("--cflags", "--libs", "qlane"),
                "-Wl,--no-as-needed", "-lqlane_q")
        run(self.scratch / "forks")
        library = self.lib / f"libqlane.so.{self.abi}"
        private = set(re.findall(r"ql_private_\w+", run("nm", "--dynamic", "--defined-only", library)))
        self.assertTrue(private)
        (self.scratch / "names").write_text(f"qlane_{self.abi} {{ global: ql_*; local: *; }};"
                                            f"qlane_private_later {{ global: {'; '.join(private)}; }};")
        library.unlink()
        self.cc("-shared", "-Wl,--whole-archive", self.lib / "libqlane.a", "-Wl,--no-whole-archive", "-o", library,
                f"-Wl,-soname,{library.name},--version-script=names", "-lhwloc", "-pthread")
        self.assertIn(f"version `qlane_private_{self.version}' not found", run(self.scratch / "forks", expect=1))


class MissingEngine(Installed):
    def build(self, *libraries, expect=0):
        source = self.scratch / "engine.c"
        source.write_text("#include <qlane/sqlite.h>\nint main(void) { ql_sqlite_rows_free(NULL); return 0; }\n")
        return self.cc(f"-I{self.prefix}/include", source, "-o", "engine", f"-L{self.lib}", *libraries, expect=expect)

    def test_it_is_named_by_the_linker(self):
        self.assertIn("undefined reference to `ql_sqlite_rows_free'", self.build("-lqlane", expect=1))

    def test_it_is_named_by_the_loader(self):
        self.build("-lqlane_sqlite", "-lqlane")
        run(self.scratch / "engine")
        (self.lib / f"libqlane_sqlite.so.{self.abi}").unlink()
        said = run(self.scratch / "engine", expect=127)
        self.assertIn(f"libqlane_sqlite.so.{self.abi}: cannot open shared object file", said)

    def test_it_is_named_by_pkg_config(self):
        with self.assertRaisesRegex(AssertionError, "qlane_none"):
            self.pkg_config("--libs", "qlane_none")


class TwoVersions(Installed):
    def setUp(self):
        super().setUp()
        self.cc(HERE / "host.c", "-o", "host", "-ldl")

    def other_version(self):
        """The same library as a version to come."""
        (self.scratch / "names").write_text("qlane_999 { global: ql_*; local: *; };")
        other = self.scratch / "libqlane.so.999"
        self.cc("-shared", "-Wl,--whole-archive", self.lib / "libqlane.a", "-Wl,--no-whole-archive", "-o", other,
                f"-Wl,-soname,{other.name},--version-script=names,-z,nodelete,-Bsymbolic", "-lhwloc", "-pthread")
        return other

    def plugin(self, name, *library):
        path = self.scratch / name
        self.cc("-shared", "-fPIC", f"-I{self.prefix}/include", HERE / "plugin.c", "-o", path, *library,
                f"-Wl,-rpath,{self.scratch}")
        return path

    def ask(self, *plugins):
        """For each question, the file of the library that answered."""
        said = run(self.scratch / "host", *plugins).splitlines()
        return [(int(line.split()[0]), pathlib.Path(line.split()[1]).name) for line in said]

    def test_each_serves_its_own_user(self):
        this = self.plugin("this.so", f"-L{self.lib}", "-lqlane")
        other = self.plugin("other.so", self.other_version())
        old, new = f"libqlane.so.{self.abi}", "libqlane.so.999"
        self.assertEqual(self.ask(this, other), [(0, old), (1, new), (1, new)])
        self.assertEqual(self.ask(other, this), [(0, new), (1, old), (1, old)])

    def test_a_static_one_serves_its_own_user(self):
        this = self.plugin("this.so", f"-L{self.lib}", "-lqlane")
        static = self.plugin("static.so", self.lib / "libqlane.a", "-lhwloc", "-pthread",
                             "-Wl,--exclude-libs,ALL", "-Wl,-z,nodelete")
        old = f"libqlane.so.{self.abi}"
        self.assertEqual(self.ask(this, static), [(0, old), (1, "static.so"), (1, "static.so")])

    def test_two_users_of_one_version_share_it(self):
        libraries = [self.plugin(name, f"-L{self.lib}", "-lqlane") for name in ("a.so", "b.so")]
        self.assertEqual({library for _, library in self.ask(*libraries)}, {f"libqlane.so.{self.abi}"})

    def test_it_stays_while_its_threads_run(self):
        this = self.plugin("this.so", f"-L{self.lib}", "-lqlane")
        self.assertEqual(run(self.scratch / "host", "--unload", this).splitlines(),
                         ["plugin went, library stays", f"0 {self.lib}/libqlane.so.{self.abi}"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
