"""The main job, run as a user runs it, and compared with what Python's own csv and sqlite3 modules make of the same file.

usage: feeds_test.py FEEDS [unittest arguments]"""

import csv
import fcntl
import io
import json
import os
import pathlib
import pty
import random
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

FEEDS = os.path.abspath(sys.argv.pop(1))
# The flights lie beside the sources, where tools/setup puts them; Bazel does not know them.
FLIGHTS = pathlib.Path(__file__).resolve().parents[2] / "build/data/flights-3m.csv"
JSON_MEMBERS = ["rows_read", "rows_in_table", "rejected", "checksum_workers", "checksum_engine", "seconds",
                "rows_per_second", "placement"]
PATIENCE_S = 120


def is_number(text, kind, low=None, high=None):
    try:
        value = kind(text)
    except ValueError:
        return False
    return str(value) == text and (low is None or low <= value <= high)


def typed(columns):
    """Columns of text to columns of values: numbers where every value of the column is one, None for empty."""
    for column in columns:
        values = [text for text in column if text]
        if values and all(is_number(v, int, -2**63, 2**63 - 1) for v in values):
            yield [int(text) if text else None for text in column]
        elif values and all(is_number(v, int, -2**63, 2**63 - 1) or is_number(v, float) for v in values):
            yield [None if not t else int(t) if is_number(t, int) else float(t) for t in column]
        else:
            yield [text or None for text in column]


def serial_rows(path):
    """What one thread would have in the table: [line, value...] of a file that has no malformed row."""
    lines, rows = [], []
    with open(path, encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        next(reader)
        line = reader.line_num
        for row in reader:
            lines.append(line + 1)
            rows.append(row)
            line = reader.line_num
    return [(line, *values) for line, values in zip(lines, zip(*typed(zip(*rows))))]


def serial_keys(rows, key, summed):
    """Key to [count, sum], as SQL counts: NULLs are one key, and no number is no sum."""
    keys = {}
    for row in rows:
        entry = keys.setdefault(tuple(row[k] for k in key), [0, None])
        entry[0] += 1
        if row[summed] is not None:
            entry[1] = row[summed] + (entry[1] or 0)
    return {key: tuple(entry) for key, entry in keys.items()}


class Feeds(unittest.TestCase):
    env = {}

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.db = self.folder / "rows.db"

    def file(self, content, name="input.csv"):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def run_feeds(self, *options, status=0, **kwargs):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("QLANE_", "BUILD_"))} | self.env
        done = subprocess.run([FEEDS, *map(str, options)], capture_output=True, timeout=PATIENCE_S, env=env,
                              cwd=self.folder, **kwargs)
        self.assertEqual(done.returncode, status, done.stderr.decode() + done.stdout.decode())
        # What the plan has to say of a small machine is not the subject here.
        done.stderr = b"".join(line for line in done.stderr.splitlines(True) if not line.startswith(b"qlane: "))
        return done

    def run_json(self, *options, status=0):
        """Runs with --json and checks what every run promises."""
        done = self.run_feeds("--json", *options, status=status)
        result = json.loads(done.stdout)
        self.assertEqual([name for name in result if name != "answer"], JSON_MEMBERS)
        self.assertEqual(result["rows_read"], result["rows_in_table"] + result["rejected"])
        self.assertEqual(result["checksum_workers"], result["checksum_engine"])
        self.assertTrue(0 <= result["checksum_workers"] < 2**53)
        return result

    def refused(self, *options, says, **kwargs):
        done = self.run_feeds(*options, status=2, **kwargs)
        self.assertIn(says, done.stderr.decode())
        self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)
        self.assertEqual(done.stdout, b"")

    def select(self, sql):
        database = sqlite3.connect(self.db)
        try:
            return database.execute(sql).fetchall()
        finally:
            database.close()

    def dump(self):
        database = sqlite3.connect(self.db)
        try:
            return list(database.iterdump())
        finally:
            database.close()

    def check_keys(self):
        self.assertEqual(self.select("SELECT * FROM keys ORDER BY k"),
                         self.select("SELECT k, count(*), sum(v) FROM rows GROUP BY k ORDER BY k"))

    def check_tables(self, path, key=None, summed=None, *options):
        """Both tables are what one thread makes of the file."""
        rows = serial_rows(path)
        options = ["--csv", path, "--db", self.db, *options]
        with open(path, encoding="utf-8-sig", newline="") as file:
            names = next(csv.reader(file))
        if key:
            text = io.StringIO()
            csv.writer(text).writerow(key)
            options += ["--key", text.getvalue().strip()]
        result = self.run_json(*options)
        self.assertEqual(result["rows_in_table"], len(rows))
        self.assertEqual(result["rejected"], 0)
        self.assertEqual(self.select("SELECT * FROM rows ORDER BY line"), rows)
        if key:
            expected = serial_keys(rows, [names.index(k) + 1 for k in key], names.index(summed) + 1)
            found = self.select("SELECT * FROM keys")
            self.assertEqual({row[:len(key)]: row[len(key):] for row in found}, expected)
            self.assertEqual(len(found), len(expected))
        return result


class Tables(Feeds):
    def random_file(self, records, seed):
        """Every way to write a field, in no order."""
        pick = random.Random(seed)
        words = ["", "plain", "with, comma", 'with "quotes"', "two\nlines", "\r\n", "ä€🚀", '"', " ", "0", "x" * 300]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator=pick.choice(["\n", "\r\n"]))
        writer.writerow(["key", "amount", "real", "text", "code"])
        for _ in range(records):
            writer.writerow([pick.choice(["a", "b", "", "c,d"]), pick.choice(["", *range(-50, 50)]),
                             pick.choice([0.5, -1.25, 3, ""]), pick.choice(words), "%03d" % pick.randrange(1000)])
        return self.file(("\ufeff" if pick.random() < 0.5 else "") + text.getvalue().rstrip("\r\n"))

    def test_equal_a_serial_computation(self):
        seed = int(os.environ.get("QLANE_SEED", 0)) or random.randrange(2**32)
        print("QLANE_SEED=%d" % seed, file=sys.stderr)
        path = self.random_file(5000, seed)
        self.check_tables(path, ["key"], "amount", "--feeds", 7)

    def test_of_the_flights_equal_a_serial_computation(self):
        if not FLIGHTS.exists():
            self.fail(f"{FLIGHTS} is not there: run tools/setup")
        result = self.check_tables(FLIGHTS, ["origin", "destination"], "delay")
        self.assertEqual(result["rows_read"], 231083)
        self.assertEqual(self.select("SELECT typeof(date), typeof(delay) FROM rows LIMIT 1"), [("text", "integer")])

    def test_are_the_same_however_many_feeds_there_are(self):
        path = self.random_file(300, 1)
        sums = {self.run_json("--csv", path, "--feeds", feeds)["checksum_engine"] for feeds in [1, 2, 20, 1000]}
        self.assertEqual(len(sums), 1)

    def test_hold_all_rfc_4180_allows(self):
        path = self.file('\ufeffa,b\r\n"x, y",1\r\n"say ""hi""",\r\n"two\r\nlines\n",-3\r\n,4\r\nlast,"5"')
        self.check_tables(path, ["a"], "b")
        self.assertEqual(self.select("SELECT line, a, b FROM rows"),
                         [(2, "x, y", 1), (3, 'say "hi"', None), (4, "two\r\nlines\n", -3), (7, None, 4), (8, "last", 5)])

    def test_keep_a_column_as_text_unless_each_value_prints_as_it_is_written(self):
        path = self.file("int,zero,plus,real,mixed,exp,big,huge,some\n"
                         "0,01,1,0.5,1,1e5,9223372036854775807,9223372036854775808,\n"
                         "-7,2,+1,-2.0,2.5,1,-9223372036854775808,1,3\n")
        self.check_tables(path)
        self.assertEqual(self.select("SELECT typeof(int), typeof(zero), typeof(plus), typeof(real), typeof(mixed), "
                                     "typeof(exp), typeof(big), typeof(huge), typeof(some) FROM rows"),
                         [("integer", "text", "text", "real", "integer", "text", "integer", "text", "null"),
                          ("integer", "text", "text", "real", "real", "text", "integer", "text", "integer")])
        self.assertEqual(self.select("SELECT real, mixed FROM rows"), [(0.5, 1), (-2.0, 2.5)])

    def test_name_every_column_once(self):
        path = self.file('line,a,A,,"q""uo,te",count\n1,2,3,4,5,6\n')
        self.run_json("--csv", path, "--db", self.db, "--key", "count", "--sum", "a")
        rows, keys = (sqlite3.connect(self.db).execute(f"SELECT * FROM {table}") for table in ("rows", "keys"))
        self.assertEqual([column[0] for column in rows.description],
                         ["line", "line_2", "a", "A_2", "column_4", 'q"uo,te', "count"])
        self.assertEqual([column[0] for column in keys.description], ["count", "count_2", "sum"])
        self.assertEqual(keys.fetchall(), [(6, 1, 2)])

    def test_hold_many_columns(self):
        path = self.file(",".join("c%d" % i for i in range(1500)) + "\n" + (",".join(map(str, range(1500))) + "\n") * 40)
        self.check_tables(path)

    def test_count_by_null_keys_and_sum_no_numbers_as_null(self):
        path = self.file("k,v\n,1\n,2\na,\na,\nb,5\nb,\n")
        self.check_tables(path, ["k"], "v")
        self.assertEqual(sorted(self.select("SELECT * FROM keys"), key=str), [("a", 2, None), ("b", 2, 5), (None, 2, 3)])

    def test_sum_the_column_that_is_asked_for(self):
        path = self.file("k,v,w,t\na,1,10,x\na,2,20,y\n")
        options = ["--csv", path, "--db", self.db, "--key", "k"]
        self.run_json(*options, "--sum", "w")
        self.assertEqual(self.select("SELECT * FROM keys"), [("a", 2, 30)])
        self.run_json(*options)
        self.assertEqual(self.select("SELECT * FROM keys"), [("a", 2, 3)])
        self.refused(*options, "--sum", "t", says="--sum: not every value of column 't' is a number")

    def test_may_be_empty(self):
        result = self.run_json("--csv", self.file("a,b\n"), "--db", self.db, "--key", "a")
        self.assertEqual((result["rows_read"], result["checksum_engine"]), (0, 0))
        self.assertEqual(self.select("SELECT * FROM rows") + self.select("SELECT * FROM keys"), [])


class Malformed(Feeds):
    def test_rows_are_counted_and_named_and_the_others_go_on(self):
        path = self.file(b'a,b\n1,good\nshort\n1,2,3\n"two\nlines",ok\nbad"quote,1\n"closed"late,1\n1,\xff\xfe\n'
                         b'1,"\xc3\xa4"\n\n"opens,1\n7,after\n"never closes,8\n9,last')
        result = self.run_json("--csv", path, "--db", self.db)
        done = self.run_feeds("--csv", path)
        self.assertEqual((result["rows_read"], result["rejected"]), (13, 8))
        self.assertEqual(self.select("SELECT * FROM rows"),
                         [(2, "1", "good"), (5, "two\nlines", "ok"), (10, "1", "ä"), (13, "7", "after"), (15, "9", "last")])
        named = re.findall(rb"^%s:(\d+): rejected: (.*)$" % re.escape(bytes(path)), done.stderr, re.M)
        self.assertEqual(named, [(b"3", b"wrong field count"), (b"4", b"wrong field count"), (b"7", b"broken quote"),
                                 (b"8", b"broken quote"), (b"9", b"invalid UTF-8"), (b"11", b"wrong field count"),
                                 (b"12", b"broken quote"), (b"14", b"broken quote")])

    def test_rows_do_not_type_a_column(self):
        path = self.file("a,b\n1,2\nx,y,z\n3,4\n")
        self.run_json("--csv", path, "--db", self.db)
        self.assertEqual(self.select("SELECT typeof(a), typeof(b) FROM rows"), [("integer", "integer")] * 2)

    def test_rows_count_once_however_often_they_come(self):
        path = self.file("a,b\n1,2\nx\n")
        result = self.run_json("--csv", path, "--repeat", 5)
        self.assertEqual((result["rows_read"], result["rejected"]), (2, 1))

    def test_rows_may_be_many(self):
        path = self.file("a,b\n" + "x\n" * 5000)
        done = self.run_feeds("--csv", path)
        self.assertIn("and 4900 more rows rejected", done.stderr.decode())


class Database(Feeds):
    def setUp(self):
        super().setUp()
        self.csv = self.file("k,v\n" + "".join("%d,%d\n" % (i % 7, i) for i in range(10000)))
        self.options = ["--csv", self.csv, "--db", self.db, "--key", "k"]

    def test_is_not_changed_by_the_same_run_again(self):
        first = self.run_json(*self.options)
        before = self.dump(), self.db.read_bytes()
        again = self.run_json(*self.options, "--feeds", 3, "--repeat", 2)
        self.assertEqual((self.dump(), self.db.read_bytes()), before)
        for member in "rows_read", "rows_in_table", "checksum_engine":
            self.assertEqual(first[member], again[member])

    def test_refuses_another_input(self):
        self.run_json(*self.options)
        before = self.dump()
        text = self.csv.read_bytes()
        others = [self.file(text + b"1,1\n"), self.file(text, "other.csv"), self.file(text[:-2] + b"0\n")]
        self.csv.write_bytes(text + b"1,1\n")
        self.refused("--csv", others[0], "--db", self.db, says="holds all rows of another input: input.csv of")
        self.refused("--csv", others[1], "--db", self.db, says="take another --db")
        self.csv.write_bytes(text[:-2] + b"0\n")
        self.refused("--csv", self.csv, "--db", self.db, says="take another --db")
        self.csv.write_bytes(text)
        self.refused(*self.options, "--rows", 5, says="take another --db")
        self.assertEqual(self.dump(), before)

    def test_takes_the_first_rows_only(self):
        result = self.run_json(*self.options, "--rows", 1234)
        self.assertEqual(result["rows_read"], 1234)
        self.assertEqual(self.select("SELECT min(line), max(line), count(*) FROM rows"), [(2, 1235, 1234)])
        self.refused(*self.options, says="holds the first 1234 rows of another input")

    def test_counts_by_the_key_of_the_last_run(self):
        self.run_json(*self.options[:4])
        self.assertEqual(self.select("SELECT name FROM sqlite_master WHERE name = 'keys'"), [])
        self.run_json(*self.options)
        self.check_keys()
        self.run_json(*self.options[:4], "--key", "v,k")
        self.assertEqual(self.select("SELECT count(*), sum(count) FROM keys"), [(10000, 10000)])

    def test_that_refuses_rows_is_an_error_and_the_next_run_brings_the_rest(self):
        self.run_json(*self.options)
        self.write("DELETE FROM rows; DELETE FROM keys; CREATE TRIGGER full BEFORE INSERT ON rows WHEN new.line > 7000 "
                   "BEGIN SELECT RAISE(ABORT, 'no more rows'); END")
        done = self.run_feeds(*self.options, status=1)
        self.assertIn("feeds: a feed failed: no more rows", done.stderr.decode())
        self.assertIn("ROWS ARE NOT ACCOUNTED FOR", done.stdout.decode())
        self.assertLess(self.select("SELECT count(*) FROM rows")[0][0], 7000)
        self.check_keys()
        self.write("DROP TRIGGER full")
        self.assertEqual(self.run_json(*self.options)["rows_in_table"], 10000)
        self.check_keys()

    def write(self, sql):
        database = sqlite3.connect(self.db)
        database.executescript(sql)
        database.close()

    def test_of_something_else_is_left_alone(self):
        other = sqlite3.connect(self.db)
        other.execute("CREATE TABLE rows (mine)")
        other.close()
        before = self.dump()
        self.refused(*self.options, says="rows already exists")
        self.assertEqual(self.dump(), before)


class Interrupt(Feeds):
    def start(self, *options, **kwargs):
        process = subprocess.Popen([FEEDS, *map(str, options)], stdout=subprocess.PIPE, cwd=self.folder, **kwargs)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def until(self, condition):
        end = time.monotonic() + PATIENCE_S
        while not condition():
            self.assertLess(time.monotonic(), end, "it never came true")
            time.sleep(0.01)

    def rows(self):
        try:
            return self.select("SELECT count(*) FROM rows")[0][0]
        except sqlite3.OperationalError:
            return 0

    def interrupted(self, *options, number=signal.SIGINT):
        before = self.rows()
        process = self.start("--json", *options)
        self.until(lambda: self.rows() > before)
        process.send_signal(number)
        out, _ = process.communicate(timeout=PATIENCE_S)
        return process.returncode, json.loads(out)

    def test_stops_the_feeds_and_accounts_for_every_row(self):
        path = self.file("k,v\n" + "".join("%d,%d\n" % (i % 7, i) for i in range(50000)))
        options = ["--csv", path, "--db", self.db, "--key", "k"]
        for _ in range(2):
            status, result = self.interrupted(*options, "--rate", 1000)
            self.assertEqual(status, 130)
            self.assertTrue(0 < result["rows_read"] < 50000)
            self.assertEqual(result["rows_read"], result["rows_in_table"])
            self.assertEqual(result["checksum_workers"], result["checksum_engine"])
            # With what an earlier run left, the table may hold more than this run read.
            self.assertGreaterEqual(self.rows(), result["rows_read"])
            self.check_keys()
        # And the next run brings the rest.
        self.assertEqual(self.run_json(*options)["rows_in_table"], 50000)
        self.assertEqual(self.rows(), 50000)
        self.check_keys()

    def test_by_sigterm_says_so(self):
        path = self.file("v\n" + "1\n" * 5000)
        status, _ = self.interrupted("--csv", path, "--db", self.db, "--rate", 100, number=signal.SIGTERM)
        self.assertEqual(status, 128 + signal.SIGTERM)

    def test_prints_the_summary(self):
        path = self.file("v\n" + "1\n" * 5000)
        process = self.start("--csv", path, "--db", self.db, "--rate", 100)
        self.until(lambda: self.rows() > 0)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=PATIENCE_S)
        self.assertEqual(process.returncode, 130)
        self.assertIn(b"proof: every row is accounted for", out)

    def test_the_feeds_do_not_run_ahead_of_a_lane_that_is_held_up(self):
        """Another process holds the database: what waits at the lane stays bounded, and waiting costs no CPU time."""
        path = self.file("v\n" + "1\n" * 200000)
        terminal, line = pty.openpty()
        self.addCleanup(os.close, terminal)
        # At full speed the database is taken at once or, on a busy machine, when all is over.
        process = self.start("--json", "--csv", path, "--db", self.db, "--feeds", 3, "--rate", 50000, stderr=line)
        os.close(line)
        self.until(lambda: self.rows() > 0)
        holder = sqlite3.connect(self.db, isolation_level=None, timeout=PATIENCE_S)
        holder.execute("BEGIN IMMEDIATE")
        used = [self.cpu_s(process.pid)]
        shown = b""
        while len(re.findall(rb"lane: \d+ tasks", shown)) < 8:
            shown += os.read(terminal, 4096)
            used.append(self.cpu_s(process.pid))
        holder.execute("ROLLBACK")
        holder.close()
        out, _ = process.communicate(timeout=PATIENCE_S)
        self.assertEqual(process.returncode, 0)
        self.assertEqual(json.loads(out)["rows_in_table"], 200000)
        depths = [int(depth) for depth in re.findall(rb"lane: (\d+) tasks", shown)]
        self.assertTrue(depths and max(depths) <= 3 * 4, depths)
        self.assertLess(used[-1] - used[len(used) // 2], 0.2)

    def cpu_s(self, pid):
        words = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


class Output(Feeds):
    def setUp(self):
        super().setUp()
        self.csv = self.file("k,v\n" + "".join("%d,%d\n" % (i % 7, i) for i in range(2000)))

    def test_shows_what_happened(self):
        done = self.run_feeds("--csv", self.csv, "--key", "k", "--query", "SELECT max(v) AS most FROM rows")
        out = done.stdout.decode()
        for part in ["first rows before\n  no rows", "first rows after\n  line | k | v\n  2 | 0 | 0\n  3 | 1 | 1\n",
                     "SELECT max(v) AS most FROM rows\n  most\n  1999\n  asked ", "placement as asked", "placement as found",
                     "ql-w0", "ql-lane-q", "proof: every row is accounted for",
                     "2000 rows read, 2000 in the table + 0 rejected", "rows per second by 20 feeds"]:
            self.assertIn(part, out)
        self.assertEqual(done.stderr, b"")

    def test_in_json_is_one_object_with_decimal_numbers(self):
        done = self.run_feeds("--json", "--csv", self.csv, "--query", "SELECT k, v, NULL, 'x\"y', 0.5 FROM rows LIMIT 2")
        result = json.loads(done.stdout)
        self.assertEqual(result["answer"], [[0, 0, None, 'x"y', 0.5], [1, 1, None, 'x"y', 0.5]])
        self.assertIsInstance(result["checksum_engine"], int)
        self.assertNotIn(b"e+", done.stdout)

    def test_has_a_live_line_on_a_terminal_only(self):
        options = [FEEDS, "--csv", self.csv, "--rate", "2000"]
        terminal, line = pty.openpty()
        process = subprocess.Popen(options, stdout=subprocess.PIPE, stderr=line)
        os.close(line)
        shown = b""
        try:
            while more := os.read(terminal, 4096):
                shown += more
        except OSError:  # the last one on the line has gone
            pass
        os.close(terminal)
        process.communicate(timeout=PATIENCE_S)
        self.assertEqual(process.returncode, 0)
        self.assertRegex(shown, rb"\r\x1b\[K\d+ rows, \d+ rows/s, lane: \d+ tasks deep, busy \d+%")
        self.assertTrue(shown.endswith(b"\r\x1b[K"), "the line is cleared at the end")
        self.assertEqual(self.run_feeds(*options[1:]).stderr, b"")

    def test_that_cannot_be_written_is_an_error(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([FEEDS, "--csv", self.csv], stdout=full, stderr=subprocess.PIPE, timeout=PATIENCE_S)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"the report cannot be written", done.stderr)

    def test_asks_the_query_while_rows_come_in(self):
        done = self.run_feeds("--csv", self.csv, "--rate", 1000, "--query", "SELECT count(*) FROM rows")
        asked = int(re.search(rb"asked (\d+) times while rows came in", done.stdout).group(1))
        self.assertGreaterEqual(asked, 2)

    def test_keeps_to_the_rate(self):
        result = self.run_json("--csv", self.csv, "--rate", 4000)
        self.assertGreaterEqual(result["seconds"], 0.45)

    def test_repeats(self):
        once, thrice = (self.run_json("--csv", self.csv, "--repeat", n) for n in (1, 3))
        for member in "rows_read", "rows_in_table", "checksum_workers", "checksum_engine":
            self.assertEqual(once[member], thrice[member])

    def test_reads_a_pipe(self):
        read, write = os.pipe()
        fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 1 << 20)
        os.write(write, self.csv.read_bytes())
        os.close(write)
        done = self.run_feeds("--json", "--csv", "/dev/stdin", stdin=read)
        os.close(read)
        self.assertEqual(json.loads(done.stdout)["rows_in_table"], 2000)

    def test_takes_every_placement_key(self):
        values = {"cpus": "inherit", "lane": "auto", "lanes": "1", "lane.q": "auto", "callers": "free", "workers": "2",
                  "smt": "reserve", "threads_per_core": "2", "lane_kind": "perf", "worker_kind": "all", "mem": "local",
                  "steal": "near", "quota": "respect", "bind": "warn", "idle": "block", "worker_idle": "block", "show": "0"}
        options = [word for key, value in values.items() for word in ("--" + key, value)]
        placement = self.run_json("--csv", self.csv, *options)["placement"]
        self.assertEqual(set(placement["source"]), set(values))
        self.assertEqual(set(placement["source"].values()), {"config"})
        self.assertEqual(len(placement["workers"]), 2)
        names = {thread["thread"] for thread in placement["found"]}
        self.assertTrue(names >= {"ql-w0", "ql-w1", "ql-lane-q"}, names)
        for name, slot in [("ql-lane-q", placement["lane"]), ("ql-w0", placement["workers"][0])]:
            thread = next(thread for thread in placement["found"] if thread["thread"] == name)
            if placement["bound"]:
                self.assertEqual(thread["pus"], str(slot["pin"]))
        core = placement["lane"]["pin"]
        self.assertEqual(self.run_json("--csv", self.csv, "--lane", core)["placement"]["lane"]["pin"], core)
        unbound = self.run_json("--csv", self.csv, "--affinity", "laptop")["placement"]
        self.assertFalse(unbound["bound"])

    def test_shows_threads_where_asked(self):
        done = self.run_feeds("--csv", self.csv, "--show", "2")
        self.assertIn("lane", done.stderr.decode())


class Q(Feeds):
    """On the library that stands in for libq: no kdb+ runs here."""
    libq = {"QLANE_LIBQ": os.path.abspath(os.environ.get("STANDIN", "")), "QLANE_ENGINE": "q"}

    def check(self, path, expected, *options):
        result = self.run_json("--csv", path, "--key", "key", "--sum", "amount", "--query", "0!totals", *options)
        self.assertEqual(result["rejected"], 0)
        self.assertEqual(result["rows_in_table"], len(list(csv.reader(open(path, newline="", encoding="utf-8")))) - 1)
        found = {row[0]: (row[1], row[2] or 0) for row in result["answer"]}
        self.assertEqual(found, {key: tuple(value) for key, value in expected.items()})

    def test_every_row_is_accounted_for_and_keys_are_counted_and_summed(self):
        pick = random.Random(7)
        words = ["plain", "with, comma", 'with "quotes"', "two\nlines", "ä€🚀", "", "x" * 300]
        text, expected = io.StringIO(), {}
        writer = csv.writer(text)
        writer.writerow(["key", "amount", "real", "both", "some text"])
        for i in range(3000):
            key, amount = pick.choice(["a", "b", "ccc", ""]), pick.choice(["", str(pick.randrange(-50, 50))])
            writer.writerow([key, amount, pick.choice(["", "1.5", "-0.25"]), pick.choice(["1", "2.5"]), pick.choice(words)])
            entry = expected.setdefault(key or None, [0, 0])
            entry[0] += 1
            entry[1] += int(amount or 0)
        path = self.file(text.getvalue())
        self.env = self.libq
        self.check(path, expected)
        self.check(path, expected, "--repeat", "3", "--feeds", "3")
        self.env = {"QLANE_LIBQ": self.libq["QLANE_LIBQ"]}
        self.check(path, expected, "--engine", "q")

    def test_all_flights_are_accounted_for(self):
        if not FLIGHTS.exists():
            self.fail(f"{FLIGHTS} is not there: run tools/setup")
        expected = {}
        with open(FLIGHTS, newline="", encoding="utf-8") as flights:
            for row in csv.DictReader(flights):
                entry = expected.setdefault((row["origin"], row["destination"]), [0, 0])
                entry[0] += 1
                entry[1] += int(row["delay"] or 0)
        self.env = self.libq
        result = self.run_json("--csv", FLIGHTS, "--key", "origin,destination", "--sum", "delay", "--query", "0!totals")
        self.assertEqual((result["rows_read"], result["rows_in_table"], result["rejected"]), (231083, 231083, 0))
        self.assertEqual({tuple(row[:2]): [row[2], row[3] or 0] for row in result["answer"]}, expected)

    def test_the_option_goes_before_the_environment(self):
        path = self.file("a,b\n1,2\n")
        self.env = self.libq
        self.assertEqual(self.run_json("--csv", path, "--engine", "sqlite", "--db", self.db)["rows_in_table"], 1)
        self.assertEqual(self.select("SELECT count(*) FROM rows"), [(1,)])

    def test_a_refused_engine_says_why(self):
        path = self.file("a,b\n1,2\n")
        self.refused("--csv", path, "--engine", "p", says="--engine: 'p' is no engine: q or sqlite")
        self.env = {"QLANE_ENGINE": "p"}
        self.refused("--csv", path, says="QLANE_ENGINE: 'p' is no engine")
        self.env = {"QLANE_ENGINE": "q", "QLANE_LIBQ": "/no/such/libq.so"}
        self.refused("--csv", path, says="there is no libq at '/no/such/libq.so'")
        self.env = self.libq
        self.refused("--csv", path, "--db", self.db, says="--db: q keeps its tables in memory")
        self.refused("--csv", path, "--query", "1+`a", says="'type")
        self.env = self.libq | {"LIBQ_STANDIN_MODE": "no_licence"}
        done = self.run_feeds("--csv", path, status=2)
        self.assertIn(b"found no licence", done.stderr)
        self.assertEqual(done.stdout, b"")


class Refusals(Feeds):
    def test_name_the_input_and_what_is_wrong_with_it(self):
        self.refused("--csv", "missing.csv", says="missing.csv: No such file or directory")
        self.refused(says="build/data/flights-3m.csv is not there: run tools/setup")
        self.refused("--csv", self.folder, says="Is a directory")
        self.refused("--csv", self.file(""), says="input.csv: the file is empty")
        self.refused("--csv", self.file("\ufeff"), says="input.csv: the file is empty")
        for text in "\n", "\r\n\n", "1,2\n3,4\n", ",,\n", "1\n2\n":
            self.refused("--csv", self.file(text), says="input.csv:1: no header")
        self.refused("--csv", self.file('"a,b\n1,2\n'), says="input.csv:1: a quote in the header is broken")
        self.refused("--csv", self.file(b"a\xff,b\n1,2\n"), says="input.csv:1: the header is not UTF-8")
        self.refused("--csv", self.file(b"a\0,b\n1,2\n"), says="input.csv:1: the header is not UTF-8")
        self.refused("--csv", self.file(",".join(map("c%d".__mod__, range(3000))) + "\n"), says="too many columns")

    def test_name_the_database(self):
        path = self.file("a\n1\n")
        self.refused("--csv", path, "--db", self.folder / "no/such/folder.db", says="folder.db")
        self.refused("--csv", path, "--db", self.folder, says=str(self.folder))
        self.refused("--csv", path, "--db", self.file("no database at all, but long enough to be read as one" * 50, "text.db"),
                     says="text.db")

    def test_name_the_option(self):
        path = self.file("a\n1\n")
        self.refused("--nonsense", "1", says="--nonsense: no such option")
        self.refused("nonsense", says="'nonsense': not an option")
        self.refused("--csv", says="--csv: its value is missing")
        self.refused("--csv", "", says="--csv: an empty value")
        for option, value in [("feeds", "0"), ("feeds", "-1"), ("feeds", "x"), ("feeds", "99999999999999999999"), ("rows", "0"),
                              ("rows", "1e3"), ("rate", "0"), ("rate", ""), ("repeat", "1.5"), ("repeat", "+1"), ("rate", " 1")]:
            self.refused("--" + option, value, says=f"--{option}: '{value}' is not a number from 1 to")
        self.refused("--csv", path, "--key", "b", says="--key: no column 'b'; there are: a")
        self.refused("--csv", self.file("a,b\n1,2\n", "two.csv"), "--key", "a,a", says="names a column twice")
        self.refused("--csv", path, "--key", 'a"', says="is not a list of columns")
        self.refused("--sum", "a", says="--sum: needs --key")
        self.refused("--csv", path, "--query", "SELECT nonsense FROM rows", says="--query: ")
        self.refused("--csv", path, "--query", "SELECT 1; SELECT 2", says="--query: ")
        self.refused("--csv", path, "--db", self.db, "--query", "DELETE FROM rows", says="--query: ")
        self.refused("--csv", path, "--lane", "core:99999", says="core:99999")
        self.refused("--csv", path, "--workers", "many", says="workers=many")
        self.refused("--csv", path, "--workers", "1;lane=0", says="one value")
        self.refused("--csv", path, "--affinity", "lane=0,x" * 300, says="too long")

    def test_help(self):
        done = self.run_feeds("--help")
        for option in ["--csv", "--feeds", "--rows", "--rate", "--repeat", "--db", "--query", "--key", "--json"]:
            self.assertIn(option, done.stdout.decode())


if __name__ == "__main__":
    unittest.main(verbosity=2)
