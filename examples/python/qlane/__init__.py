"""qlane for Python: one SQLite connection on a lane, used by any number of threads and coroutines.

    runtime = qlane.Runtime()
    try:
        database = runtime.sqlite("flights.db")
        database.execute("INSERT INTO t VALUES (?, ?)", 1, "one")        any thread; waits, without the GIL
        rows = await database.query("SELECT * FROM t")                   a coroutine; its loop goes on meanwhile
        pyarrow.table(database.table("SELECT * FROM t"))                 Arrow, for whatever reads that
    finally:
        runtime.stop()

No thread of qlane's ever runs Python or takes the GIL. What a request needs is memory of C, which Python frees when the
request has come back and never before: so the interpreter may end at any time. At its end, a runtime that was not stopped
is given STOP_AT_EXIT_S to finish what it accepted."""

import atexit
import ctypes
import errno
import os
import threading

from qlane import _requests
from qlane._abi import AffinityConfig, Error, RuntimeConfig, SqliteConfig, Stop, quick, waits
from qlane._loop import Loop
from qlane._requests import Failed, Stopped  # noqa: F401 (for users)
from qlane._table import Table

STOP_AT_EXIT_S = 5
FOREVER = 2**63 - 1
SIGNALS_NS = 100_000_000  # how long the main thread, which alone runs Python's signal handlers, waits without looking


def _check(code, error):
    if code:
        raise _requests.failed(code, error.text)


class Runtime:
    """Workers and lanes. `affinity` is placement as text, "lane=2;workers=1" (affinity/README.md)."""

    def __init__(self, affinity=None):
        self._lock = threading.RLock()  # nothing is submitted after the stop
        self._pid = os.getpid()
        self._loops = {}
        self._left = set()  # requests that nobody waits for any more
        self._handle = ctypes.c_void_p()
        config = RuntimeConfig(size=ctypes.sizeof(RuntimeConfig))
        if affinity is not None:
            text = AffinityConfig(size=ctypes.sizeof(AffinityConfig), text=affinity.encode())
            config.affinity = ctypes.pointer(text)
        error = Error()
        _check(waits.ql_runtime_start(config, self._handle, error), error)
        self._running = True
        _runtimes.add(self)

    def sqlite(self, path=None):
        """Open a lane with a connection; without a path the database is in memory."""
        config = SqliteConfig(size=ctypes.sizeof(SqliteConfig), path=None if path is None else os.fsencode(path))
        lane, error = ctypes.c_void_p(), Error()
        if not self._serves():
            raise _requests.failed(-errno.ESHUTDOWN)
        _check(waits.ql_sqlite_open(self._handle, None, config, lane, error), error)
        return Database(self, lane)

    def stop(self, drain_s=None, give_up_s=None):
        """Finish what was accepted, for `drain_s` seconds at most, then cancel the rest; raises TimeoutError if a statement
        has not ended after `give_up_s`. A second call does nothing. It waits: a coroutine awaits runtime.aclose()."""
        with self._lock:
            if not self._serves():  # stopped, or a fork's child, which has no threads of qlane's
                return
            self._running = False
        _runtimes.discard(self)
        until = [0 if seconds is None else quick.ql_now_ns() + int(seconds * 1e9) for seconds in (drain_s, give_up_s)]
        error = Error()
        code = waits.ql_runtime_stop(self._handle, Stop(ctypes.sizeof(Stop), *until), error)
        if not code:  # else what was left behind keeps its memory
            for loop in self._loops.values():
                loop.close()
            for request in self._left:
                _requests.free(request)
        _check(code, error)

    async def aclose(self, **patience):
        """stop() beside the loop."""
        import asyncio
        await asyncio.get_running_loop().run_in_executor(None, lambda: self.stop(**patience))

    def _submit(self, lane, request):
        """0, or -errno: the request is not the lane's."""
        with self._lock:
            return quick.ql_lane_submit(lane, request) if self._serves() else -errno.ESHUTDOWN

    def _cancel(self, request):
        """Once a stop has begun, that decides what becomes of a request."""
        with self._lock:
            if self._serves():
                quick.ql_task_cancel(request)

    def _submit_for(self, running, lane, request):
        """The asyncio future of a request in the running loop; an exception, and the request is freed."""
        with self._lock:
            if self._serves() and running not in self._loops:
                self._loops = {of: loop for of, loop in self._loops.items() if not loop.ended()}
                try:
                    self._loops[running] = Loop(running, self._cancel)
                except BaseException:
                    _requests.free(request)
                    raise
            code = self._submit(lane, request)
            return _requests.finish(request, code) if code else self._loops[running].add(request)

    def _renew_locks(self):
        """In a fork's child, where whoever held them does not exist."""
        self._lock = threading.RLock()
        for loop in self._loops.values():
            loop.renew_lock()

    def _serves(self):
        return self._running and os.getpid() == self._pid


class Database:
    """A connection that only its lane touches. Made by Runtime.sqlite()."""

    def __init__(self, runtime, lane):
        self._runtime, self._lane = runtime, lane

    def execute(self, sql, *values):
        """Run one statement and wait: its rows as a list of tuples, or how many rows it changed."""
        return _plain(self.table(sql, *values))

    def execute_many(self, sql, rows_of_values):
        """Run one statement for each row of values, all or none; with no row, none. How many rows it changed."""
        return _plain(self._call(sql, rows_of_values)) if rows_of_values else 0

    def table(self, sql, *values):
        """The same as execute(), with the rows as a Table."""
        return self._call(sql, [values])

    def _call(self, sql, rows_of_values):
        request = _requests.make(sql, rows_of_values)
        try:
            code = self._runtime._submit(self._lane, request)
            main = threading.current_thread() is threading.main_thread()
            waited = code or -errno.ETIMEDOUT
            while waited == -errno.ETIMEDOUT:
                waited = waits.ql_future_wait_until(request, quick.ql_now_ns() + SIGNALS_NS if main else FOREVER)
            assert waited == code, waited
        except BaseException:  # KeyboardInterrupt: the request may be the lane's
            self._runtime._cancel(request)
            self._runtime._left.add(request)
            raise
        return _requests.finish(request, code)

    async def query(self, sql, *values):
        """The same as execute() for a coroutine. If it is cancelled, so is the statement."""
        return _plain(await self.query_table(sql, *values))

    async def query_table(self, sql, *values):
        return await self._query(sql, [values])

    async def query_many(self, sql, rows_of_values):
        """The same as execute_many()."""
        return _plain(await self._query(sql, rows_of_values)) if rows_of_values else 0

    async def _query(self, sql, rows_of_values):
        import asyncio
        request = _requests.make(sql, rows_of_values)
        return await self._runtime._submit_for(asyncio.get_running_loop(), self._lane, request)


def _plain(found):
    return list(found) if isinstance(found, Table) else found


_runtimes = set()


def _in_child():
    for runtime in _runtimes:
        runtime._renew_locks()


os.register_at_fork(after_in_child=_in_child)


@atexit.register
def _stop_all():
    for runtime in list(_runtimes):
        try:
            runtime.stop(drain_s=STOP_AT_EXIT_S, give_up_s=2 * STOP_AT_EXIT_S)
        except OSError:  # a statement that does not end: the process ends with it
            pass
