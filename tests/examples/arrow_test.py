"""What a query found, read through Arrow's C data interface by others: DuckDB's library, pyarrow, and pandas, with numpy where it has
no pyarrow. What is not installed is skipped, and said.

usage: arrow_test.py PACKAGE_TAR EXAMPLES [unittest arguments]"""

import ctypes
import importlib.util
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import unittest

# tools/setup fetches it.
DUCKDB = pathlib.Path(__file__).resolve().parents[2] / "build/data/libduckdb.so"
QUERY = ("SELECT i AS number, i / 4.0 AS quarter, CASE WHEN i % 3 THEN 'text ' || i END AS text, "
         "CASE WHEN i % 2 THEN CAST(i AS BLOB) END AS bytes, NULL AS empty "
         "FROM (WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n LIMIT 1000) SELECT i FROM n)")
NAMES = ["number", "quarter", "text", "bytes", "empty"]
EXPECTED = [(i, i / 4, f"text {i}" if i % 3 else None, str(i).encode() if i % 2 else None, None) for i in range(1000)]


class DuckDb:
    """As much of its C API as reads an Arrow array."""

    class Result(ctypes.Structure):
        _fields_ = [("_", ctypes.c_uint64 * 16)]

    def __init__(self):
        self.api = ctypes.CDLL(str(DUCKDB))
        self.api.duckdb_value_varchar.restype = ctypes.c_void_p
        database, self.connection = ctypes.c_void_p(), ctypes.c_void_p()
        assert self.api.duckdb_open(None, ctypes.byref(database)) == 0
        assert self.api.duckdb_connect(database, ctypes.byref(self.connection)) == 0

    def take(self, schema, array):
        """A table `found` of it; what is Arrow's can be read but once."""
        stream = ctypes.c_void_p()
        assert self.api.duckdb_arrow_array_scan(self.connection, b"scan", ctypes.c_void_p(schema), ctypes.c_void_p(array),
                                                ctypes.byref(stream)) == 0
        self.ask("CREATE TABLE found AS SELECT * FROM scan")
        self.api.duckdb_destroy_arrow_stream(ctypes.byref(stream))
        release(schema, 7)
        release(array, 8)

    def ask(self, sql):
        result = self.Result()
        assert self.api.duckdb_query(self.connection, sql.encode(), ctypes.byref(result)) == 0, sql
        text = self.api.duckdb_value_varchar(ctypes.byref(result), ctypes.c_uint64(0), ctypes.c_uint64(0))
        return text and ctypes.string_at(text).decode()


def addresses(table):
    """Of the schema and the array, as a reader gets them; and what keeps them."""
    address_of = ctypes.pythonapi.PyCapsule_GetPointer
    address_of.restype, address_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    schema, array = table.__arrow_c_array__()
    return address_of(schema, b"arrow_schema"), address_of(array, b"arrow_array")


class Struct(ctypes.Structure):
    """Either struct of Arrow's, as words."""
    _fields_ = [("words", ctypes.c_int64 * 10)]


def release(address, at):
    """Unless its reader did."""
    words = Struct.from_address(address).words
    if words[at]:
        ctypes.CFUNCTYPE(None, ctypes.c_void_p)(words[at])(address)
    assert words[at] == 0


def numpy_columns(table):
    """A reader of Arrow of our own, as numpy has it: {name: array}."""
    import numpy
    schema, array = addresses(table)
    columns = {}
    width = Struct.from_address(schema).words[4]
    fields, arrays = (ctypes.cast(Struct.from_address(address).words[at], ctypes.POINTER(ctypes.c_void_p))
                      for address, at in ((schema, 5), (array, 6)))
    for i in range(width):
        field, column = (Struct.from_address(pointers[i]).words for pointers in (fields, arrays))
        kind, name = (ctypes.string_at(field[at]).decode() for at in (0, 1))
        length, buffers = column[0], ctypes.cast(column[5], ctypes.POINTER(ctypes.c_void_p))

        def view(buffer, type, count):
            return numpy.ctypeslib.as_array(ctypes.cast(buffers[buffer], ctypes.POINTER(type)), (count,))

        if kind == "n":
            columns[name] = numpy.full(length, None, object)
            continue
        valid = numpy.ones(length, bool)
        if buffers[0]:
            valid = numpy.unpackbits(view(0, ctypes.c_uint8, (length + 7) // 8), bitorder="little")[:length].astype(bool)
        if kind in "lg":
            values = view(1, {"l": ctypes.c_int64, "g": ctypes.c_double}[kind], length).copy()
            columns[name] = values if valid.all() else numpy.where(valid, values, numpy.nan)
            continue
        at = view(1, ctypes.c_int64, length + 1)
        bytes = [ctypes.string_at(buffers[2] + int(at[row]), int(at[row + 1] - at[row])) for row in range(length)]
        columns[name] = numpy.array([(text.decode() if kind == "U" else text) if there else None
                                     for text, there in zip(bytes, valid)], object)
    release(schema, 7)
    release(array, 8)
    return columns


def needs(module):
    return unittest.skipUnless(importlib.util.find_spec(module), f"{module} is not installed")


class Arrow(unittest.TestCase):
    def setUp(self):
        import qlane
        runtime = qlane.Runtime()
        self.addCleanup(runtime.stop)
        self.database = runtime.sqlite()
        self.table = self.database.table(QUERY)

    def test_a_table_is_its_rows(self):
        self.assertEqual(self.table.names, NAMES)
        self.assertEqual(len(self.table), 1000)
        self.assertEqual(list(self.table), EXPECTED)

    @unittest.skipUnless(DUCKDB.exists(), f"{DUCKDB} is not there: tools/setup fetches it")
    def test_duckdb_reads_it(self):
        duckdb = DuckDb()
        duckdb.take(*addresses(self.table))
        for sql, answer in (("count(*)", "1000"), ("sum(number)", "499500"), ("sum(quarter)", "124875.0"),
                            ("max(text)", "text 998"), ("count(text)", "666"), ("count(bytes)", "500"),
                            ("sum(length(text))", str(sum(len(row[2] or "") for row in EXPECTED))),
                            ("count(*) FILTER (text = 'text ' || number)", "666"), ("count(empty)", "0"),
                            ("count(*) FILTER (decode(bytes) = number::VARCHAR)", "500"), ("typeof(any_value(number))", "BIGINT"),
                            ("typeof(any_value(quarter))", "DOUBLE"), ("typeof(any_value(bytes))", "BLOB")):
            self.assertEqual(duckdb.ask(f"SELECT {sql} FROM found"), answer, sql)

    @needs("pyarrow")
    def test_pyarrow_reads_it(self):
        import pyarrow
        found = pyarrow.table(self.table)
        self.assertEqual(found.column_names, NAMES)
        self.assertEqual([tuple(row.values()) for row in found.to_pylist()], EXPECTED)

    @needs("pandas")
    def test_pandas_reads_it(self):
        import pandas
        found = pandas.DataFrame(list(self.table), columns=self.table.names)
        self.assertEqual([str(type) for type in found.dtypes], ["int64", "float64", "object", "object", "object"])
        self.assertEqual((found.number.sum(), found.quarter.sum(), found.text.count()), (499500, 124875.0, 666))

    @needs("pandas")
    def test_pandas_reads_its_arrow(self):
        import pandas
        found = pandas.DataFrame(numpy_columns(self.table))
        expected = pandas.DataFrame(EXPECTED, columns=NAMES)
        pandas.testing.assert_frame_equal(found, expected)

    def test_any_number_of_readers_may_have_it(self):
        from qlane import _table
        for _ in range(100):
            for at, address in zip((7, 8), addresses(self.table)):
                release(address, at)
        self.assertEqual(len(_table._handed_over), 1)  # the last one; each of the others was freed
        self.assertEqual(list(self.table), EXPECTED)

    def test_one_that_nobody_reads_holds_up_no_end(self):
        program = ("import qlane\nruntime = qlane.Runtime()\nkept = runtime.sqlite().table('SELECT 1').__arrow_c_array__()\n"
                   "also = runtime.sqlite().table('SELECT 2')\nprint(kept)")
        done = subprocess.run([sys.executable, "-X", "faulthandler", "-c", program], text=True, capture_output=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("arrow_schema", done.stdout)

    def test_a_column_of_several_types_is_refused(self):
        mixed = self.database.table("SELECT 1 AS a, 2 AS b UNION ALL SELECT 1, 'two'")
        self.assertEqual(list(mixed), [(1, 2), (1, "two")])
        with self.assertRaisesRegex(ValueError, "column 'b' has values of different types, as of row 2"):
            mixed.__arrow_c_array__()


def main():
    if "QLT_UNPACKED" in os.environ:
        return unittest.main(verbosity=2)
    package, examples = (os.path.abspath(argument) for argument in sys.argv[1:3])
    with tempfile.TemporaryDirectory() as scratch, tarfile.open(package) as tar:
        tar.extractall(scratch)
        environment = dict(os.environ, QLT_UNPACKED="1", LD_LIBRARY_PATH=f"{scratch}/lib", PYTHONPATH=examples,
                           PYTHONDONTWRITEBYTECODE="1", PYTHONMALLOC="debug")
        return subprocess.run([sys.executable, __file__, *sys.argv[3:]], env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
