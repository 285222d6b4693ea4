"""examples/python: its structs are those of the headers, its two programs store every row and end cleanly however they end,
the loop is never blocked, and no thread of qlane's needs the interpreter.

usage: python_test.py PACKAGE_TAR EXAMPLES [unittest arguments]
QLANE_PYTHON_RUNS=100 in the environment runs each program so often, and keeps every core busy beside it."""

import os
import pathlib
import signal
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import textwrap
import unittest

PACKAGE, EXAMPLES = (os.path.abspath(argument) for argument in (sys.argv.pop(1), sys.argv.pop(1)))
RUNS = int(os.environ.pop("QLANE_PYTHON_RUNS", "1"))
PROGRAMS = ["threads.py", "coroutines.py"]
PATIENCE_S = 120


def setUpModule():
    global scratch, environment
    scratch = tempfile.TemporaryDirectory()
    with tarfile.open(PACKAGE) as package:
        package.extractall(scratch.name)
    environment = dict(os.environ, LD_LIBRARY_PATH=f"{scratch.name}/lib", PYTHONPATH=EXAMPLES, PYTHONDONTWRITEBYTECODE="1",
                       PYTHONMALLOC="debug")
    unittest.addModuleCleanup(scratch.cleanup)


def python(*arguments, expect=0):
    """What it said on both, if it exits with `expect` and says nothing of a failure."""
    done = subprocess.run([sys.executable, "-X", "faulthandler", *arguments], env=environment, text=True,
                          timeout=PATIENCE_S, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == expect, f"{arguments}: exit status {done.returncode}, not {expect}\n{done.stdout}"
    assert "Traceback" not in done.stdout and "Fatal" not in done.stdout, f"{arguments}:\n{done.stdout}"
    return done.stdout


def script(text, *arguments, **more):
    return python("-c", textwrap.dedent(text), *arguments, **more)


class Abi(unittest.TestCase):
    def test_the_structs_are_those_of_the_headers(self):
        names = {"Future": "ql_future", "Task": "ql_task", "Completion": "ql_completion", "Error": "ql_error",
                 "Stop": "ql_stop", "AffinityConfig": "ql_affinity_config", "RuntimeConfig": "ql_runtime_config",
                 "SqliteConfig": "ql_sqlite_config", "Cell": "ql_sqlite_cell", "Rows": "ql_sqlite_rows",
                 "SqliteCall": "ql_sqlite_call"}
        ours = script(f"""
            from qlane import _abi
            import ctypes
            for name, struct in {names!r}.items():
                print(struct, ctypes.sizeof(getattr(_abi, name)))
                for field, *_ in getattr(_abi, name)._fields_:
                    if field not in ("value", "qli_more") or name == "Future":
                        print(struct, field, getattr(getattr(_abi, name), field).offset)
            """)
        lines = [line.split() for line in ours.splitlines()]
        program = "#include <qlane/qlane.h>\n#include <qlane/sqlite.h>\n#include <stdio.h>\nint main(void)\n{\n"
        for struct, *field in lines:
            what = f"offsetof({struct}, {field[0]})" if len(field) == 2 else f"sizeof({struct})"
            words = " ".join([struct, *field[:-1]])
            program += f'    printf("{words} %zu\\n", {what});\n'
        source = pathlib.Path(scratch.name, "layout.c")
        source.write_text(program + "    return 0;\n}\n")
        subprocess.run(["cc", "-std=c11", f"-I{scratch.name}/include", source, "-o", source.with_suffix("")], check=True)
        theirs = subprocess.run([source.with_suffix("")], check=True, capture_output=True, text=True).stdout
        self.assertEqual(ours, theirs)
        self.assertGreater(len(lines), 60)

    def test_a_library_that_is_not_there_is_named(self):
        done = subprocess.run([sys.executable, "-c", "import qlane"], text=True, capture_output=True,
                              env=dict(environment, LD_LIBRARY_PATH=""))
        self.assertIn("ImportError: libqlane_sqlite.so.0.1: cannot open shared object file", done.stderr)


class Programs(unittest.TestCase):
    def setUp(self):
        self.busy = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(os.cpu_count())] if RUNS > 10 else []
        self.addCleanup(lambda: [process.kill() or process.wait() for process in self.busy])

    def run_all(self, how, expect, runs=RUNS):
        for program in PROGRAMS:
            for _ in range(runs):
                with tempfile.TemporaryDirectory() as folder:
                    said = python(f"{EXAMPLES}/{program}", f"{folder}/counts.db", how, expect=expect)
                    database = sqlite3.connect(f"{folder}/counts.db")
                    self.assertEqual(database.execute("PRAGMA integrity_check").fetchone(), ("ok",))
                    yield said, database.execute("SELECT count(*), sum(count) FROM counts").fetchone()
                    database.close()

    def test_a_stop_in_finally_finds_every_row_stored(self):
        for said, counts in self.run_all("finally", 0):
            self.assertEqual(said, "(7, 1000)\n")
            self.assertEqual(counts, (7, 1000))

    def test_a_stop_that_was_forgotten_is_made_up_for(self):
        for _, (keys, total) in self.run_all("forgotten", 0):
            self.assertGreaterEqual(total, 50)  # those that were waited for

    def test_an_exit_in_the_middle_is_an_exit(self):
        for _, (keys, total) in self.run_all("os_exit", 0):
            self.assertGreaterEqual(total, 50)

    def test_an_interpreter_that_dies_of_an_exception_dies_of_that(self):
        for said, (keys, total) in self.run_all("raise", 1):
            self.assertEqual(said, "on purpose\n")
            self.assertGreaterEqual(total, 50)


class Promises(unittest.TestCase):
    def test_no_thread_of_qlane_needs_the_interpreter(self):
        # quick's calls keep the GIL: while it waits, no other thread can have it.
        script("""
            import qlane
            from qlane import _requests
            from qlane._abi import quick
            runtime = qlane.Runtime()
            database = runtime.sqlite()
            request = _requests.make("SELECT 42", [()])
            runtime._submit(database._lane, request)
            assert quick.ql_future_wait_until(request, quick.ql_now_ns() + 60 * 10**9) == 0
            assert list(_requests.finish(request)) == [(42,)]
            runtime.stop()
            """)

    def test_a_loop_goes_on_while_the_lane_is_busy(self):
        script("""
            import asyncio, qlane
            FOR_EVER = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
            async def main():
                runtime = qlane.Runtime()
                database = runtime.sqlite()
                busy = asyncio.ensure_future(database.query(FOR_EVER))
                behind = asyncio.ensure_future(database.query("SELECT 1"))
                for _ in range(1000):  # turns of the loop, while the lane cannot answer
                    await asyncio.sleep(0)
                assert not busy.done() and not behind.done()
                busy.cancel()
                assert await behind == [(1,)]
                assert busy.cancelled()
                await runtime.aclose()
            asyncio.run(main())
            """)

    def test_values_come_back_as_they_went_in(self):
        script("""
            import qlane
            runtime = qlane.Runtime()
            database = runtime.sqlite()
            values = (None, -2**63, 2**63 - 1, True, 0.1, "a\\0b", "\\u00e9", "", b"\\0\\xff", b"")
            assert database.execute(f"SELECT {', '.join('?' * len(values))}", *values) == [values]
            for wrong, error in ((2**63, OverflowError), (object(), TypeError)):
                try:
                    database.execute("SELECT ?", wrong)
                    raise SystemExit("accepted")
                except error:
                    pass
            runtime.stop()
            """)

    def test_an_error_has_sqlites_words_and_undoes_its_statement_only(self):
        script("""
            import asyncio, errno, qlane
            async def main():
                runtime = qlane.Runtime()
                database = runtime.sqlite()
                await database.query("CREATE TABLE t (i INTEGER PRIMARY KEY)")
                assert await database.query_many("INSERT INTO t VALUES (?)", [(i,) for i in range(3)]) == 3
                assert await database.query_many("INSERT INTO t VALUES (9)", []) == 0
                outcomes = await asyncio.gather(database.query("INSERT INTO t VALUES (7)"),
                                                database.query_many("INSERT INTO t VALUES (?)", [(8,), (1,)]),
                                                return_exceptions=True)
                assert outcomes[0] == 1, outcomes
                assert type(outcomes[1]) is qlane.Failed and "UNIQUE" in outcomes[1].strerror, outcomes
                assert outcomes[1].errno == errno.EEXIST, outcomes
                assert await database.query("SELECT group_concat(i) FROM t") == [("0,1,2,7",)]
                runtime.stop()
                try:
                    await database.query("SELECT 1")
                    raise SystemExit("accepted")
                except qlane.Stopped:
                    pass
            asyncio.run(main())
            """)

    def test_a_thread_stores_many_rows_all_or_none(self):
        script("""
            import qlane
            runtime = qlane.Runtime()
            database = runtime.sqlite()
            database.execute("CREATE TABLE t (i INTEGER PRIMARY KEY)")
            assert database.execute_many("INSERT INTO t VALUES (?)", [(i,) for i in range(3)]) == 3
            assert database.execute_many("INSERT INTO t VALUES (9)", []) == 0
            try:
                database.execute_many("INSERT INTO t VALUES (?)", [(8,), (1,)])
                raise SystemExit("stored")
            except qlane.Failed as error:
                assert "UNIQUE" in str(error), error
            assert database.execute("SELECT group_concat(i) FROM t") == [("0,1,2",)]
            runtime.stop()
            """)

    def test_a_stop_elsewhere_settles_what_a_loop_awaits(self):
        script("""
            import asyncio, threading, qlane
            FOR_EVER = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
            async def main():
                runtime = qlane.Runtime()
                database = runtime.sqlite()
                waiting = [asyncio.ensure_future(database.query(sql)) for sql in [FOR_EVER, *["SELECT 1"] * 99]]
                await asyncio.sleep(0)
                thread = threading.Thread(target=lambda: runtime.stop(drain_s=0.01))
                thread.start()
                outcomes = await asyncio.gather(*waiting, return_exceptions=True)
                thread.join()
                assert all(isinstance(outcome, OSError) for outcome in outcomes), outcomes
            asyncio.run(main())
            """)

    def test_a_loop_that_is_closed_first_loses_nothing_but_its_answers(self):
        script("""
            import asyncio, gc, qlane
            runtime = qlane.Runtime()
            database = runtime.sqlite()
            database.execute("CREATE TABLE t (i INTEGER)")
            async def main():
                for i in range(100):
                    asyncio.ensure_future(database.query("INSERT INTO t VALUES (?)", i))
                await asyncio.sleep(0)
            loop = asyncio.new_event_loop()
            loop.run_until_complete(main())
            loop.close()
            gc.collect()
            database.execute("SELECT 1")
            assert database.execute("SELECT count(*) FROM t") == [(100,)]
            runtime.stop()
            import os; os._exit(0)  # of the tasks that the loop left behind Python would complain
            """)

    def test_loops_that_come_and_go_leave_nothing(self):
        script("""
            import asyncio, os, qlane
            def descriptors():
                return len(os.listdir("/proc/self/fd"))
            async def work():
                first = asyncio.ensure_future(database.query("SELECT 1"))
                slow = asyncio.ensure_future(database.query(
                    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 100000) SELECT max(x) FROM n"))
                assert await first == [(1,)]  # the slow one is cancelled with its loop
            runtime = qlane.Runtime()
            database = runtime.sqlite()
            asyncio.run(work())
            before = descriptors()
            for _ in range(50):
                asyncio.run(work())
            database.execute("SELECT 1")  # behind those that were cancelled
            asyncio.run(work())
            assert descriptors() <= before + 1, (before, descriptors())
            runtime.stop()
            """)

    def test_a_cancelled_future_ends_no_other_request_at_its_address(self):
        script("""
            import asyncio, qlane
            from qlane import _requests
            async def work():
                first = runtime._submit_for(loop, database._lane, _requests.make("SELECT 1", [()]))
                address = next(iter(runtime._loops[loop]._waiting))
                await first
                first = loop.create_future()
                first.cancel()
                second = asyncio.ensure_future(database.query("SELECT 2"))
                await asyncio.sleep(0)
                waiting = runtime._loops[loop]
                for request in list(waiting._waiting):
                    waiting._end(request, first)
                assert await second == [(2,)]
            runtime = qlane.Runtime()
            database = runtime.sqlite()
            loop = asyncio.new_event_loop()
            loop.run_until_complete(work())
            loop.close()
            runtime.stop()
            """)

    def test_names_that_are_no_text_come_back_too(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "odd.db")
            odd = sqlite3.connect(path)
            odd.execute("CREATE TABLE t (a)")
            odd.execute("INSERT INTO t VALUES (1)")
            odd.execute("PRAGMA writable_schema=1")
            odd.execute("UPDATE sqlite_schema SET sql = CAST(X'435245415445205441424C452074202822FF2229' AS TEXT)")
            odd.commit()
            odd.close()
            script("""
                import asyncio, sys, qlane
                runtime = qlane.Runtime()
                database = runtime.sqlite(sys.argv[1])
                assert database.table("SELECT * FROM t").names == ["\\udcff"]
                async def work():
                    return (await asyncio.wait_for(database.query_table("SELECT * FROM t"), 60)).names
                assert asyncio.run(work()) == ["\\udcff"]
                runtime.stop()
                """, path)

    def test_ctrl_c_reaches_a_thread_that_waits(self):
        process = subprocess.Popen([sys.executable, "-c", textwrap.dedent("""
            import qlane
            FOR_EVER = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
            runtime = qlane.Runtime()
            database = runtime.sqlite()
            print("ready", flush=True)
            try:
                database.execute(FOR_EVER)
            except KeyboardInterrupt:
                print("interrupted", database.execute("SELECT 1"))
            finally:
                runtime.stop()
            """)], env=environment, stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline(), "ready\n")
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=PATIENCE_S)
        self.assertIn(said, ("interrupted [(1,)]\n", ""))  # "": it came before the try
        self.assertEqual(process.returncode, 0 if said else -signal.SIGINT)

    def test_a_forks_child_is_refused_and_ends(self):
        script("""
            import os, qlane, threading
            runtime = qlane.Runtime()
            database = runtime.sqlite()
            held, forked = threading.Event(), threading.Event()
            def hold():
                with runtime._lock:
                    held.set()
                    forked.wait()
            threading.Thread(target=hold).start()
            held.wait()
            child = os.fork()
            forked.set()
            if child == 0:
                try:
                    database.execute("SELECT 1")
                except qlane.Stopped:
                    raise SystemExit(7)  # through atexit
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
            assert database.execute("SELECT 1") == [(1,)]
            runtime.stop()
            """)


if __name__ == "__main__":
    unittest.main(verbosity=2)
