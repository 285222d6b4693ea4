"""qlane's public structs and functions, for ctypes. //tests/examples:python_abi_test compares them with the headers."""

import ctypes
import os
from ctypes import POINTER, c_char, c_char_p, c_double, c_int, c_int32, c_int64, c_size_t, c_uint, c_uint8, c_uint32, c_void_p

VERSION = "0.1"  # the shared library's name ends in it: another one has other structs


class Future(ctypes.Structure):
    _fields_ = [("qli_word", c_size_t), ("value", c_int64), ("text", c_char_p), ("code", c_int32), ("qli_cancel", c_uint32)]


class Task(ctypes.Structure):
    _fields_ = [("future", Future), ("fn", c_void_p), ("text_size", c_uint32), ("klass", c_uint8), ("flags", c_uint8),
                ("qli_place", c_uint8), ("qli_spin_us", c_uint8), ("arg", c_void_p), ("on", c_void_p), ("name", c_char_p),
                ("scope", c_void_p), ("text_buffer", c_void_p), ("deadline_ns", c_int64), ("qli_runtime", c_void_p),
                ("qli_heap", c_void_p * 3)]


class Completion(ctypes.Structure):
    _fields_ = [("future", c_void_p), ("qli_to", c_void_p), ("qli_next", c_void_p)]


class Error(ctypes.Structure):
    _fields_ = [("code", c_int), ("text", c_char * 508)]


class Stop(ctypes.Structure):
    _fields_ = [("size", c_size_t), ("drain_until_ns", c_int64), ("give_up_ns", c_int64)]


class AffinityConfig(ctypes.Structure):
    _fields_ = [("size", c_size_t), ("flags", ctypes.c_uint64), ("text", c_char_p), ("qli_more", c_void_p * 17),
                ("named_count", c_size_t)]


class RuntimeConfig(ctypes.Structure):
    _fields_ = [("size", c_size_t), ("affinity", POINTER(AffinityConfig)), ("spares_max", c_uint), ("fork_depth", c_uint),
                ("follow_quota", ctypes.c_bool), ("context", c_void_p), ("log", c_void_p), ("on_misuse", c_void_p),
                ("on_unobserved", c_void_p),
                ("overrun_ns", c_int64), ("on_overrun", c_void_p), ("trace_events", c_uint)]


class SqliteConfig(ctypes.Structure):
    _fields_ = [("size", c_size_t), ("path", c_char_p), ("synchronous", c_int), ("busy_timeout_ms", c_int),
                ("statements_max", c_uint)]


class Bytes(ctypes.Structure):
    _fields_ = [("bytes", c_void_p), ("length", c_size_t)]


class CellValue(ctypes.Union):
    _fields_ = [("integer", c_int64), ("real", c_double), ("text", Bytes)]


class Cell(ctypes.Structure):
    _anonymous_ = ["value"]
    _fields_ = [("type", c_int), ("value", CellValue)]


class Rows(ctypes.Structure):
    _fields_ = [("columns", c_uint), ("count", c_size_t), ("names", POINTER(c_char_p)), ("cells", POINTER(Cell))]


class SqliteCall(ctypes.Structure):
    _fields_ = [("task", Task), ("sql", c_void_p), ("params", c_void_p), ("params_count", c_uint), ("param_rows", c_uint),
                ("rows", POINTER(Rows)), ("changes", c_int64)]


# name: result, arguments
_FUNCTIONS = {
    "ql_version": (c_char_p, []),
    "ql_now_ns": (c_int64, []),
    "ql_runtime_start": (c_int, [POINTER(RuntimeConfig), POINTER(c_void_p), POINTER(Error)]),
    "ql_runtime_stop": (c_int, [c_void_p, POINTER(Stop), POINTER(Error)]),
    "ql_lane_submit": (c_int, [c_void_p, c_void_p]),
    "ql_future_settled": (ctypes.c_bool, [c_void_p]),
    "ql_future_wait_until": (c_int, [c_void_p, c_int64]),
    "ql_task_cancel": (c_int, [c_void_p]),
    "ql_completions_create": (c_int, [POINTER(c_void_p)]),
    "ql_completions_fd": (c_int, [c_void_p]),
    "ql_completions_add": (c_int, [c_void_p, c_void_p, c_void_p]),
    "ql_completions_next": (POINTER(Completion), [c_void_p]),
    "ql_completions_destroy": (c_int, [c_void_p]),
    "ql_sqlite_open": (c_int, [c_void_p, c_void_p, POINTER(SqliteConfig), POINTER(c_void_p), POINTER(Error)]),
    "ql_sqlite_call_init": (None, [c_void_p, c_void_p]),
    "ql_sqlite_rows_free": (None, [POINTER(Rows)]),
    "ql_sqlite_to_arrow": (c_int, [POINTER(Rows), c_void_p, c_void_p, POINTER(Error)]),
}


def _load():
    """The library twice: `waits` gives the GIL away during a call, `quick` does not, because its calls never block."""
    name = f"libqlane_sqlite.so.{VERSION}"
    installed = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../../lib", name)
    path = installed if os.path.exists(installed) else name
    try:
        waits, quick = ctypes.CDLL(path), ctypes.PyDLL(path)
    except OSError as error:
        raise ImportError(f"{error}; is PREFIX/lib of tools/install in LD_LIBRARY_PATH?") from None
    for library in (waits, quick):
        for function, (result, arguments) in _FUNCTIONS.items():
            getattr(library, function).restype = result
            getattr(library, function).argtypes = arguments
    return waits, quick


waits, quick = _load()
libc = ctypes.PyDLL(None)
libc.calloc.restype, libc.calloc.argtypes = c_void_p, [c_size_t, c_size_t]
libc.free.restype, libc.free.argtypes = None, [c_void_p]
