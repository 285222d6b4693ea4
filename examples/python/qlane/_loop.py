"""Requests that come back into an asyncio loop: the loop watches one descriptor, nothing blocks."""

import asyncio
import ctypes
import threading

from qlane import _requests
from qlane._abi import quick

AT_ONCE = 256  # then the loop's other work gets a turn: the descriptor stays readable


class Loop:
    def __init__(self, loop, cancel):
        self._loop, self._cancel = loop, cancel
        self._lock = threading.Lock()  # the loop takes out; or, when the runtime was stopped elsewhere, that thread
        self._waiting = {}             # request: asyncio future
        self._completions = ctypes.c_void_p()
        code = quick.ql_completions_create(self._completions)
        if code:
            raise OSError(-code, "no descriptor for completions")
        try:
            loop.add_reader(quick.ql_completions_fd(self._completions), self._take)
        except BaseException:
            quick.ql_completions_destroy(self._completions)
            raise

    def add(self, request):
        """An asyncio future of a request that was submitted."""
        future = self._loop.create_future()
        self._waiting[request] = future
        code = quick.ql_completions_add(self._completions, request, request + _requests.DONE)
        assert code == 0, code  # it is submitted, and nobody else has its slot
        future.add_done_callback(lambda done: self._end(request, done) if done.cancelled() else None)
        return future

    def _end(self, request, future):
        # It still comes back, and is freed then; or it was, and the address is another's.
        if self._waiting.get(request) is future:
            self._cancel(request)

    def _take(self, at_once=AT_ONCE):
        with self._lock:
            while self._completions and at_once != 0:
                entry = quick.ql_completions_next(self._completions)
                if not entry:
                    return
                at_once -= 1
                self._settle(entry.contents.future)

    def _settle(self, request):
        future = self._waiting.pop(request)
        if future.done() or self._loop.is_closed():
            _requests.free(request)
            return
        try:
            future.set_result(_requests.finish(request))
        except Exception as error:
            future.set_exception(error)

    def ended(self):
        """Is its loop closed, and has all come back? Then nothing is left of it."""
        if not self._loop.is_closed():
            return False
        self._take(-1)
        if self._waiting:
            return False
        self._finish()
        return True

    def renew_lock(self):
        self._lock = threading.Lock()

    def close(self):
        """After the runtime's stop: everything has settled."""
        if not self._loop.is_closed() and self._loop.is_running() and self._loop is not asyncio._get_running_loop():
            self._loop.call_soon_threadsafe(self._finish)
        else:
            self._finish()

    def _finish(self):
        if not self._loop.is_closed():
            self._loop.remove_reader(quick.ql_completions_fd(self._completions))
        self._take(-1)
        with self._lock:
            completions, self._completions = self._completions, ctypes.c_void_p()
        quick.ql_completions_destroy(completions)
