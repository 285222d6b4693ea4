"""A request: one block of C memory with all that a statement needs, the future first."""

import ctypes
import errno
import os

from qlane._abi import Cell, Completion, Rows, SqliteCall, libc, quick
from qlane._table import BLOB, INTEGER, NULL, REAL, TEXT, Table


class Request(ctypes.Structure):
    _fields_ = [("call", SqliteCall), ("done", Completion), ("text", ctypes.c_char * 256)]


DONE = Request.done.offset


class Failed(OSError):
    """What was refused or did not succeed, and has left nothing behind: `errno` as in qlane/sqlite.h, with SQLite's own words."""


class Stopped(Failed):
    """The runtime is stopped, or stops: the statement has not run, or was ended and undone."""


def failed(code, text=None):
    """The exception for -errno."""
    if code == -errno.ESHUTDOWN:
        return Stopped(-code, text.decode() if text else "the runtime is stopped")
    kind = TimeoutError if code == -errno.ETIMEDOUT else Failed
    return kind(-code, (text or os.strerror(-code).encode()).decode(errors="replace"))


def make(sql, rows):
    """The address of a request that is not submitted. The caller frees it, or finishes it once it has settled."""
    width = len(rows[0]) if rows else 0
    if any(len(row) != width for row in rows):
        raise ValueError("rows of different length")
    values = [_plain(value) for row in rows for value in row]
    texts = sql.encode() + b"\0" + b"".join(value for kind, value in values if kind in (TEXT, BLOB))
    head = ctypes.sizeof(Request) + len(values) * ctypes.sizeof(Cell)
    address = libc.calloc(1, head + len(texts))
    if not address:
        raise MemoryError
    ctypes.memmove(address + head, texts, len(texts))
    quick.ql_sqlite_call_init(address, address + head)
    request = Request.from_address(address)
    request.call.task.text_buffer, request.call.task.text_size = address + Request.text.offset, Request.text.size
    cells = (Cell * len(values)).from_address(address + ctypes.sizeof(Request))
    request.call.params, request.call.params_count = ctypes.addressof(cells), width
    request.call.param_rows = len(rows)
    at = address + head + len(sql.encode()) + 1
    for cell, (kind, value) in zip(cells, values):
        cell.type = kind
        if kind == INTEGER:
            cell.integer = value
        elif kind == REAL:
            cell.real = value
        elif kind != NULL:
            cell.text.bytes, cell.text.length = at, len(value)
            at += len(value)
    return address


def _plain(value):
    if value is None:
        return NULL, None
    if isinstance(value, int):
        if not -2**63 <= value < 2**63:
            raise OverflowError(f"SQLite has no integer as large as {value}")
        return INTEGER, int(value)
    if isinstance(value, float):
        return REAL, value
    if isinstance(value, str):
        return TEXT, value.encode()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return BLOB, bytes(value)
    raise TypeError(f"SQLite has no {type(value).__name__}")


def finish(address, refused=0):
    """The table, or the number of changes, of a request that has settled; or its error, or why it was refused. Frees it."""
    call = Request.from_address(address).call
    try:
        if refused:
            raise failed(refused)
        if call.task.future.code:
            raise failed(call.task.future.code, call.task.future.text)
        if not call.rows:
            return call.changes
        rows, call.rows = ctypes.pointer(call.rows.contents), ctypes.POINTER(Rows)()
        return Table(rows)
    finally:
        free(address)


def free(address):
    """Only a request that was not submitted, or that has settled and come back."""
    quick.ql_sqlite_rows_free(Request.from_address(address).call.rows)
    libc.free(address)
