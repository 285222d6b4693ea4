"""What a query found: tuples for Python, and Arrow's C data interface for what reads that.

Arrow hands over two structs in capsules. Their reader empties them, so a capsule of ours has nothing to destroy, and no code of
Python's needs to run for it while the interpreter ends: what has been emptied is freed at the next hand-over."""

import ctypes
import weakref

from qlane._abi import Error, libc, quick, waits

NULL, INTEGER, REAL, TEXT, BLOB = range(5)


class _Schema(ctypes.Structure):
    _fields_ = [("text", ctypes.c_void_p * 3), ("numbers", ctypes.c_int64 * 2), ("more", ctypes.c_void_p * 2),
                ("release", ctypes.c_void_p), ("private_data", ctypes.c_void_p)]


class _Array(ctypes.Structure):
    _fields_ = [("numbers", ctypes.c_int64 * 5), ("more", ctypes.c_void_p * 3), ("release", ctypes.c_void_p),
                ("private_data", ctypes.c_void_p)]


_SCHEMA, _ARRAY = b"arrow_schema", b"arrow_array"  # a capsule keeps only the pointer to its name
_capsule = ctypes.pythonapi.PyCapsule_New
_capsule.restype, _capsule.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
_handed_over = set()  # addresses of both structs, one behind the other


class Table:
    """The rows as tuples, in order; `names` of the columns. pyarrow.table(table), pandas.DataFrame.from_arrow(table) and
    polars.DataFrame(table) read it without a value of Python's in between; pandas without pyarrow reads
    pandas.DataFrame(list(table), columns=table.names)."""

    def __init__(self, rows):
        self._rows = rows.contents
        weakref.finalize(self, quick.ql_sqlite_rows_free, rows).atexit = False
        self.names = [self._rows.names[i].decode(errors="surrogateescape") for i in range(self._rows.columns)]

    def __len__(self):
        return self._rows.count

    def __iter__(self):
        cells, columns = self._rows.cells, self._rows.columns
        for row in range(self._rows.count):
            yield tuple(_value(cells[row * columns + i]) for i in range(columns))

    def __arrow_c_array__(self, requested_schema=None):
        """Columns have one type: ValueError where text, blobs and numbers stand in one."""
        for address in list(_handed_over):
            if not _Schema.from_address(address).release and not _Array.from_address(address + ctypes.sizeof(_Schema)).release:
                _handed_over.remove(address)
                libc.free(address)
        address = libc.calloc(1, ctypes.sizeof(_Schema) + ctypes.sizeof(_Array))
        if not address:
            raise MemoryError
        array, error = address + ctypes.sizeof(_Schema), Error()
        if waits.ql_sqlite_to_arrow(self._rows, address, array, error):
            libc.free(address)
            raise ValueError(error.text.decode(errors="replace"))
        _handed_over.add(address)
        return _capsule(address, _SCHEMA, None), _capsule(array, _ARRAY, None)


def _value(cell):
    if cell.type == INTEGER:
        return cell.integer
    if cell.type == REAL:
        return cell.real
    if cell.type == NULL:
        return None
    data = ctypes.string_at(cell.text.bytes, cell.text.length) if cell.text.length else b""
    return data.decode(errors="surrogateescape") if cell.type == TEXT else data
