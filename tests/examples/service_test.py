"""The service, run as a user runs it, with real connections over loopback.

usage: service_test.py SERVICE [unittest arguments]"""

import asyncio
import contextlib
import os
import pathlib
import random
import re
import resource
import select
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
import unittest

SERVICE = os.path.abspath(sys.argv.pop(1))
SEED = int(os.environ.get("QLANE_SEED", random.randrange(1 << 32)))
PATIENCE_S = 120
STALL_S = 1
CONNECTION_BYTES = 40 * 1024
# A sanitizer keeps memory of its own: what the service holds cannot be seen from outside then.
SANITIZED = any(name in os.environ for name in ("ASAN_OPTIONS", "TSAN_OPTIONS"))


def quoted(text):
    for byte, letter in [("\\", "\\"), ('"', '"'), ("\n", "n"), ("\r", "r"), ("\t", "t")]:
        text = text.replace(byte, "\\" + letter)
    return '"' + text + '"'


class Client:
    """A blocking one."""

    def __init__(self, port, kernel_bytes=None):
        self.socket = socket.socket()
        self.socket.settimeout(PATIENCE_S)
        for which in (socket.SO_SNDBUF, socket.SO_RCVBUF) if kernel_bytes else ():
            self.socket.setsockopt(socket.SOL_SOCKET, which, kernel_bytes)
        self.socket.connect(("127.0.0.1", port))
        self.file = self.socket.makefile("rb")

    def ask(self, *lines):
        """Send all of them at once; one reply for each."""
        self.socket.sendall("".join(line + "\n" for line in lines).encode())
        return [self.file.readline().decode() for _ in lines]

    def vanish(self):
        """Without a goodbye: the other side gets a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self):
        self.file.close()
        self.socket.close()


class Service(unittest.TestCase):
    env = {}

    def setUp(self):
        print("QLANE_SEED=%d" % SEED)
        self.random = random.Random(SEED)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.db = pathlib.Path(folder.name) / "table.db"

    def start(self, *options):
        table = [] if self.env else ["--db", self.db]
        self.process = subprocess.Popen([SERVICE, "--listen", "127.0.0.1:0", *table, *map(str, options)],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        env=os.environ | self.env)
        self.addCleanup(self.process.stderr.close)
        self.addCleanup(self.process.stdout.close)
        self.addCleanup(self.process.wait)
        self.addCleanup(self.process.kill)
        self.port = int(re.fullmatch(r"listening on 127\.0\.0\.1:(\d+)\n", self.process.stdout.readline()).group(1))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.ended()

    def ended(self):
        self.assertEqual(self.process.wait(PATIENCE_S), 0)
        # What the plan has to say of a small machine is not the subject here.
        said = [line for line in self.process.stderr.read().splitlines() if not line.startswith("qlane: ")]
        self.assertEqual(said, [])

    def client(self, kernel_bytes=None):
        client = Client(self.port, kernel_bytes)
        self.addCleanup(client.close)
        return client

    def table(self):
        with contextlib.closing(sqlite3.connect(self.db)) as database:
            return dict(database.execute("SELECT key, value FROM service"))

    def memory_bytes(self, what="VmRSS"):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(what + r":\s*(\d+) kB", status).group(1)) * 1024

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def until(self, condition):
        end = time.monotonic() + PATIENCE_S
        while not condition():
            self.assertLess(time.monotonic(), end, "it never came true")
            time.sleep(0.01)


class Protocol(Service):
    def check(self, *pairs):
        requests, replies = zip(*pairs)
        self.assertEqual(self.client().ask(*requests), [reply + "\n" for reply in replies])

    def setUp(self):
        super().setUp()
        self.start()

    def test_is_as_its_page_says(self):
        self.check(("PING", "PONG"), ("GET k", "NONE"), ("PUT k v\r", "OK"), ("GET k", 'VALUE "v"'), ("COUNT", "NUMBER 1"),
                   ("PUT k w", "OK"), ("  GET   k  ", 'VALUE "w"'), ('"GET" "k"', 'VALUE "w"'), ("ADD n 5", 'VALUE "5"'),
                   ("ADD n -7", 'VALUE "-2"'), ("GET n", 'VALUE "-2"'), ("COUNT", "NUMBER 2"), ("DELETE k", "NUMBER 1"),
                   ("DELETE k", "NUMBER 0"), ("GET k", "NONE"), ('PUT e ""', "OK"), ("GET e", 'VALUE ""'), ("QUIT", "BYE"))
        self.stop()
        self.assertEqual(self.table(), {"n": "-2", "e": ""})

    def test_names_what_is_wrong_and_goes_on(self):
        self.check(("", "ERROR syntax: an empty line"), ("NO", "ERROR syntax: no such request"),
                   ("get k", "ERROR syntax: no such request"), ("GET", "ERROR syntax: another number of words is needed"),
                   ("PING x", "ERROR syntax: another number of words is needed"), ("PUT a b c d", "ERROR syntax: too many words"),
                   ('PUT "a b', "ERROR syntax: a quoted word does not end"),
                   ('PUT "a"b c', "ERROR syntax: a blank is missing behind a quoted word"),
                   ('GET "\\q"', 'ERROR syntax: only \\" \\\\ \\n \\r \\t can stand behind a backslash'),
                   ("GET a\0b", "ERROR syntax: this character can only stand in a quoted word"),
                   ('GET "\x01"', "ERROR syntax: a control character; write \\n, \\r or \\t"),
                   ('GET ""', "ERROR key: it must have 1 to 128 bytes"), ("GET " + "k" * 129, "ERROR key: it must have 1 to 128 bytes"),
                   ("PUT k " + "v" * 1025, "ERROR value: it must have at most 1024 bytes"),
                   ("ADD k 1.5", "ERROR number: it must be an integer of 64 bits"),
                   ("ADD k 9223372036854775808", "ERROR number: it must be an integer of 64 bits"),
                   ("PUT k x", "OK"), ("ADD k 1", "ERROR number: the value is none"),
                   ("ADD n 9223372036854775807", 'VALUE "9223372036854775807"'),
                   ("ADD n 1", "ERROR number: the sum does not fit 64 bits"), ("GET n", 'VALUE "9223372036854775807"'),
                   ("GET k", 'VALUE "x"'))
        client = self.client()
        client.socket.sendall(b"GET \xff\nPING\n")
        self.assertEqual([client.file.readline() for _ in "12"], [b"ERROR syntax: not UTF-8\n", b"PONG\n"])

    def test_carries_any_text_and_pastes_none_into_sql(self):
        texts = ["'", "'; DROP TABLE service; --", '"', "\\", "\n\r\t", "a b", "ä€🌻", "%s%n", "?1", "x" * 128]
        texts += ["".join(self.random.choices(" '\"\\\n;-ab\u00e4", k=20)) for _ in range(100)]
        texts = sorted(set(texts))
        client = self.client()
        for text in texts:
            self.assertEqual(client.ask(f"PUT {quoted(text)} {quoted(text * 8)}", f"GET {quoted(text)}"),
                             ["OK\n", f"VALUE {quoted(text * 8)}\n"])
        self.assertEqual(client.ask("COUNT"), [f"NUMBER {len(texts)}\n"])
        self.stop_with(client)
        self.assertEqual(self.table(), {text: text * 8 for text in texts})

    def stop_with(self, client):
        client.close()
        self.stop()

    def test_answers_in_order_however_bytes_arrive(self):
        client, sent, expected = self.client(), b"", []
        for i in range(2000):
            line, reply = self.random.choice([("PING", "PONG"), ("NO", "ERROR syntax: no such request"),
                                              (f"PUT k{i} {i}", "OK"), (f"GET none{i}", "NONE")])
            sent += line.encode() + self.random.choice([b"\n", b"\r\n"])
            expected.append(reply)
        while sent:
            size = self.random.choice([1, 3, 50, 3000])
            client.socket.sendall(sent[:size])
            sent = sent[size:]
        self.assertEqual([client.file.readline().decode().strip() for _ in expected], expected)

    def test_ends_a_line_without_end(self):
        for size in 4095, 4096, 4097, 20000:
            client = self.client()
            client.socket.sendall(b"PING\n" + b"x" * size)
            if size < 4096:
                client.socket.shutdown(socket.SHUT_WR)
            expected = b"PONG\n" + (b"ERROR long: a line has at most 4096 bytes\n" if size >= 4096 else b"")
            self.assertEqual(client.file.read(), expected)
        self.check(("GET " + "k" * 4091, "ERROR key: it must have 1 to 128 bytes"))

    def test_does_what_was_asked_before_an_end_and_nothing_after_a_quit(self):
        client = self.client()
        client.socket.sendall(b"PUT a 1\n" * 50 + b"PUT half")
        client.socket.shutdown(socket.SHUT_WR)
        self.assertEqual(client.file.read(), b"OK\n" * 50)
        client = self.client()
        client.socket.sendall(b"PUT b 1\nQUIT\nPUT c 1\n" + b"PUT d 1\n" * 100)
        self.assertEqual(client.file.read(), b"OK\nBYE\n")
        self.stop()
        self.assertEqual(self.table(), {"a": "1", "b": "1"})

    def test_a_failure_of_the_engine_is_that_requests_own(self):
        with contextlib.closing(sqlite3.connect(self.db)) as database:
            database.executescript("CREATE TRIGGER t BEFORE INSERT ON service WHEN new.key = 'bad' "
                                   "BEGIN SELECT RAISE(ABORT, 'the table does not want it'); END")
        self.check(("PUT a 1", "OK"), ("PUT bad 1", "ERROR engine: the table does not want it"), ("PUT b 1", "OK"),
                   ("ADD bad 1", "ERROR engine: the table does not want it"), ("GET bad", "NONE"), ("GET b", 'VALUE "1"'))


class Load(Service):
    """200 connections at a time: those that behave get right answers, whatever the others do."""

    async def open(self):
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def behave(self, name, requests):
        """Random requests on its own keys, several under way; every answer is compared with a dictionary."""
        reader, writer = await self.open()
        choose, model, acknowledged = random.Random(f"{SEED} {name}"), {}, 0
        while requests:
            lines, expected = [], []
            for _ in range(min(requests, choose.randrange(1, 40))):
                key, kind = f"{name}.{choose.randrange(8)}", choose.randrange(5)
                if kind == 0:
                    model[key] = "".join(choose.choices("abc '\"\\\u00e4", k=choose.randrange(60))) + name
                    lines.append(f"PUT {key} {quoted(model[key])}")
                    expected.append("OK")
                elif kind == 1:
                    lines.append(f"DELETE {key}")
                    expected.append("NUMBER %d" % (model.pop(key, None) is not None))
                elif kind == 2:
                    count = f"{name}.count"
                    model[count] = str(int(model.get(count, 0)) + 3)
                    lines.append(f"ADD {count} 3")
                    expected.append(f'VALUE "{model[count]}"')
                elif kind == 3:
                    lines.append("ADD shared 1")
                    expected.append(None)
                else:
                    lines.append(f"GET {key}")
                    expected.append("VALUE " + quoted(model[key]) if key in model else "NONE")
            requests -= len(lines)
            writer.write("".join(line + "\n" for line in lines).encode())
            for line, reply in zip(lines, expected):
                got = (await reader.readline()).decode()[:-1]
                if reply is None:
                    self.assertRegex(got, r'^VALUE "\d+"$')
                    acknowledged += 1
                else:
                    self.assertEqual(got, reply, line)
        writer.close()
        return model, acknowledged

    async def vanish(self, name):
        """Again and again, in the middle of something, mostly with a reset."""
        choose = random.Random(f"{SEED} {name}")
        for _ in range(20):
            _, writer = await self.open()
            lines = f"PUT {name} secret\nGET {name}\nADD {name}.n 1\nPING\n".encode() * 20
            writer.write(lines[:choose.randrange(len(lines))])
            await asyncio.sleep(0)
            if choose.randrange(4):
                writer.transport.abort()
            else:
                writer.close()

    async def stall(self, ended):
        """Asks, and takes nothing; is closed."""
        connection = socket.socket()
        # The kernel would take more than all of the replies.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        connection.connect(("127.0.0.1", self.port))
        reader, writer = await asyncio.open_connection(sock=connection)
        writer.write(b"GET big\n" * 20000)
        writer.transport.pause_reading()
        await ended.wait()
        await asyncio.sleep(3 * STALL_S)
        writer.transport.resume_reading()
        with contextlib.suppress(ConnectionError):
            got = await reader.read()
            self.assertLess(len(got), 20000 * 1032)
        writer.close()

    async def flood(self):
        """As much as goes out, sense and nonsense; it reads late, and gets one line for each."""
        reader, writer = await self.open()
        lines = [b"PING\n", b"NO SUCH THING\n", b"GET big\n", b"\n", b'GET "\n'] * 400
        writer.write(b"".join(lines))
        await writer.drain()
        replies = [await reader.readline() for _ in lines]
        self.assertEqual([reply[:8] for reply in replies[:5]],
                         [b"PONG\n", b"ERROR sy", b'VALUE "x', b"ERROR sy", b"ERROR sy"])
        self.assertEqual(replies, replies[:5] * 400)
        writer.close()

    async def all_at_once(self):
        ended = asyncio.Event()
        good = [asyncio.create_task(self.behave(f"good{i}", 300)) for i in range(130)]
        bad = [asyncio.create_task(self.vanish(f"gone{i}")) for i in range(30)]
        bad += [asyncio.create_task(self.flood()) for _ in range(20)]
        stalled = [asyncio.create_task(self.stall(ended)) for _ in range(20)]
        results = await asyncio.gather(*good)
        await asyncio.gather(*bad)
        ended.set()
        await asyncio.gather(*stalled)
        return results

    def test_every_answer_is_right_and_what_is_reported_stored_is_stored(self):
        self.start("--stall_s", STALL_S)
        self.assertEqual(self.client().ask("PUT big " + "x" * 1024), ["OK\n"])
        results = asyncio.run(asyncio.wait_for(self.all_at_once(), PATIENCE_S))
        self.stop()
        table = self.table()
        self.assertEqual(int(table.pop("shared", 0)), sum(acknowledged for _, acknowledged in results))
        table.pop("big")
        expected = {key: value for model, _ in results for key, value in model.items()}
        self.assertEqual({key: value for key, value in table.items() if not key.startswith("gone")}, expected)
        self.assertTrue(all(value == "secret" or key.endswith(".n") for key, value in table.items() if key not in expected))


class Privacy(Service):
    def test_nothing_of_one_connection_comes_out_of_another(self):
        """Each has a mark of its own in all it sends, in requests that fail, are cut short, or are answered late."""
        self.start("--clients", 20)
        for round in range(30):
            clients, expected = [(self.client(), f"mark-{round}-{i}-") for i in range(20)], {}
            for client, mark in clients:
                lines = {f"PUT {mark}k {mark * 20}": "OK", f"GET {mark}k": f'(NONE|VALUE "({mark}){{20}}")', mark: "ERROR syntax: .*",
                         f"ADD {mark}n 1": 'VALUE "1"', f"GET {mark}other": "NONE", f'GET "{mark}': "ERROR syntax: .*"}
                asked = self.random.sample(sorted(lines), len(lines))
                client.socket.sendall(("\n".join(asked) + f"\nPUT cut {mark}").encode())
                expected[mark] = [lines[line] for line in asked]
            for i, (client, mark) in enumerate(clients):
                for pattern in expected[mark]:
                    self.assertRegex(client.file.readline().decode(), f"^{pattern}\n$")
                if i % 2:
                    client.vanish()
                else:
                    client.socket.shutdown(socket.SHUT_WR)
                    self.assertEqual(client.file.read(), b"", "it asked nothing more")
                    client.close()
        self.stop()
        self.assertNotIn("cut", self.table())


class Bounds(Service):
    def fill(self, clients, data):
        """Send until nothing more goes out for a second. Returns how many bytes each has sent."""
        sent = {client.socket: 0 for client in clients}
        for client in clients:
            client.socket.setblocking(False)
        while ready := select.select([], [s for s in sent if sent[s] < len(data)], [], 1)[1]:
            for one in ready:
                try:
                    sent[one] += one.send(data[sent[one]:sent[one] + 65536])
                except ConnectionError:  # closed already, for taking no replies
                    sent[one] = len(data)
        for client in clients:
            client.socket.settimeout(PATIENCE_S)
        return list(sent.values())

    def test_a_flood_is_held_up_and_memory_stays_where_it_is(self):
        self.start("--stall_s", 1000)
        self.assertEqual(self.client().ask("PUT big " + "x" * 1024), ["OK\n"])
        line, before = b"GET big\n", self.memory_bytes()
        clients = [self.client(16384) for _ in range(200)]
        # Replies to all of it would be 10 GB.
        data = line * 50000
        sent = self.fill(clients, data)
        self.assertLess(max(sent), len(data), "one could send all it had")
        grown = self.memory_bytes("VmHWM") - before
        if not SANITIZED:
            self.assertLess(grown, 200 * CONNECTION_BYTES + (8 << 20))
        # Held up, not lost: whoever reads gets an answer for each.
        for client, size in list(zip(clients, sent))[:2]:
            client.socket.shutdown(socket.SHUT_WR)
            self.assertEqual(client.file.read(), b'VALUE "%s"\n' % (b"x" * 1024) * (size // len(line)))
        for client in clients[2:]:
            client.vanish()
        self.until(lambda: self.client().ask("PING") == ["PONG\n"])
        self.stop()

    def test_who_asks_nothing_is_closed_and_who_drips_as_well(self):
        self.start("--idle_s", 1)
        quiet, dripping, began = self.client(), self.client(), time.monotonic()
        closed = False
        while not closed:
            with contextlib.suppress(ConnectionError):
                dripping.socket.sendall(b"P")
            closed = select.select([dripping.socket], [], [], 0.1)[0] != []
        self.assertTrue(0.9 < time.monotonic() - began < 20)
        self.assertEqual(quiet.file.read(), b"")

    def test_who_asks_in_time_is_not(self):
        self.start("--idle_s", 1)
        client = self.client()
        end = time.monotonic() + 2.5
        while time.monotonic() < end:
            self.assertEqual(client.ask("PING"), ["PONG\n"])
            time.sleep(0.2)

    def test_who_takes_no_replies_is_closed(self):
        self.start("--stall_s", STALL_S)
        self.assertEqual(self.client().ask("PUT big " + "x" * 1024), ["OK\n"])
        before = self.descriptors()
        clients = [self.client(16384) for _ in range(10)]
        self.fill(clients, b"GET big\n" * 50000)
        self.until(lambda: self.descriptors() == before)

    def test_more_clients_than_allowed_wait_for_a_place(self):
        self.start("--clients", 2)
        first, second, third = (self.client() for _ in range(3))
        self.assertEqual(first.ask("PING") + second.ask("PING"), ["PONG\n"] * 2)
        third.socket.sendall(b"PING\n")
        self.assertEqual(select.select([third.socket], [], [], 0.3)[0], [])
        first.close()
        self.assertEqual(third.file.readline(), b"PONG\n")

    def test_without_a_descriptor_to_be_had_a_client_waits_and_nothing_spins(self):
        self.start()
        first = self.client()
        self.assertEqual(first.ask("PING"), ["PONG\n"])
        hard = resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE)[1]
        resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE, (self.descriptors(), hard))
        second, used = self.client(), self.cpu_ticks()
        second.socket.sendall(b"PING\n")
        self.assertEqual(select.select([second.socket], [], [], 1)[0], [])
        self.assertLess(self.cpu_ticks() - used, 20)
        self.assertEqual(first.ask("PING"), ["PONG\n"])
        first.close()
        self.assertEqual(second.file.readline(), b"PONG\n")

    def cpu_ticks(self):
        words = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return int(words[11]) + int(words[12])

    def test_an_idle_service_costs_nothing(self):
        self.start()
        clients = [self.client() for _ in range(50)]
        for client in clients:
            self.assertEqual(client.ask("PUT k v", "GET k"), ["OK\n", 'VALUE "v"\n'])
        used = []
        for _ in range(2):
            time.sleep(1)
            used.append(self.cpu_ticks())
        self.assertLessEqual(used[1] - used[0], 1)


class Stop(Service):
    async def pump(self, port, name, depth):
        """Several ADDs under way, until the end. Returns how many were answered."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        answered = 0
        with contextlib.suppress(ConnectionError):
            writer.write(f"ADD {name} 1\n".encode() * depth)
            while reply := await reader.readline():
                answered += 1
                self.assertEqual(reply, b'VALUE "%d"\n' % answered)
                self.answered += 1
                if not writer.transport.is_closing():
                    writer.write(f"ADD {name} 1\n".encode())
        writer.close()
        return answered

    async def interrupt(self, number):
        self.answered = 0
        pumps = [asyncio.create_task(self.pump(self.port, f"p{i}", 1 + i % 40)) for i in range(50)]
        while self.answered < 2000:
            await asyncio.sleep(0.001)
        self.process.send_signal(number)
        return await asyncio.wait_for(asyncio.gather(*pumps), PATIENCE_S)

    def test_while_busy_answers_what_was_read_and_nothing_else_is_done(self):
        for number in signal.SIGTERM, signal.SIGINT:
            self.start()
            answered = asyncio.run(self.interrupt(number))
            self.ended()
            self.assertEqual({key: int(value) for key, value in self.table().items()},
                             {f"p{i}": count for i, count in enumerate(answered)})
            os.unlink(self.db)

    def test_by_kill_keeps_what_was_answered(self):
        self.start()
        answered = asyncio.run(self.interrupt(signal.SIGKILL))
        self.process.wait(PATIENCE_S)
        table = self.table()
        for i, count in enumerate(answered):
            self.assertGreaterEqual(int(table.get(f"p{i}", 0)), count)
        self.start()
        self.assertEqual(self.client().ask("GET p0"), [f'VALUE "{table["p0"]}"\n'])

    def test_takes_nobody_new_and_waits_for_no_staller(self):
        self.start("--stall_s", 1, "--idle_s", 1000)
        self.assertEqual(self.client().ask("PUT big " + "x" * 1024), ["OK\n"])
        idle, staller = self.client(), self.client()
        self.assertEqual(idle.ask("PING"), ["PONG\n"])
        staller.socket.sendall(b"GET big\n" * 2000)
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(idle.file.read(), b"")
        with self.assertRaises(ConnectionRefusedError):
            Client(self.port)
        self.ended()

    def test_twice_is_once(self):
        self.start()
        client = self.client()
        self.assertEqual(client.ask("PUT a b"), ["OK\n"])
        self.process.send_signal(signal.SIGTERM)
        self.process.send_signal(signal.SIGTERM)
        self.ended()


class Refusals(Service):
    def refused(self, *options, says, **kwargs):
        done = subprocess.run([SERVICE, *map(str, options)], capture_output=True, timeout=PATIENCE_S, text=True, **kwargs)
        lines = [line for line in done.stderr.splitlines() if not line.startswith("qlane: ")]
        self.assertEqual((done.returncode, done.stdout, len(lines)), (2, "", 1), done.stderr)
        self.assertTrue(lines[0].startswith("service: "), lines)
        self.assertIn(says, lines[0])

    def test_name_the_option(self):
        self.refused("--nonsense", 1, says="--nonsense: no such option")
        self.refused("nonsense", says="'nonsense': not an option")
        self.refused("-", says="'-': not an option")
        self.refused("--db", says="--db: its value is missing")
        self.refused("--db", "", says="--db: an empty value")
        self.refused("--sync=1", says="--sync: takes no value")
        self.refused("--engine", "none", says="--engine: 'none' is none of: sqlite or q")
        for option in "clients", "idle_s", "stall_s":
            for value in "0", "-1", "x", "", "1e3", "99999999999999999999":
                self.refused("--" + option, value, says=f"--{option}: '{value}' is not a number from 1 to")
        for value in "7447", ":7447", "host:", "localhost:65536", "localhost:x", "localhost:7x", "[]:1", "h" * 64 + ":1":
            self.refused("--listen", value, says="--listen: ")
        self.refused("--workers", "many", says="workers=many")
        self.refused("--lane", "core:99999", says="core:99999")

    def test_name_what_cannot_be_had(self):
        taken = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(taken.close)
        self.refused("--listen", "127.0.0.1:%d" % taken.getsockname()[1], says="Address already in use")
        self.refused("--listen", "192.0.2.1:1", says="--listen: 192.0.2.1:1: ")
        self.refused("--db", self.db / "no" / "folder", says="folder")
        self.refused("--db", "/", says="/")
        self.refused("--clients", 500, says="--clients: 500 connections need",
                     preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256)))

    def test_help_and_a_free_address(self):
        done = subprocess.run([SERVICE, "--help"], capture_output=True, text=True, timeout=PATIENCE_S)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for option in "--listen", "--engine", "--db", "--clients", "--idle_s", "--stall_s", "--worker_idle":
            self.assertIn(option, done.stdout)
        self.start("--workers", "2", "--sync", "--clients=7")
        self.assertEqual(self.client().ask("PUT a b"), ["OK\n"])
        self.stop()


class Q(Refusals):
    """On the library that stands in for libq: no kdb+ runs here."""
    libq = {"QLANE_LIBQ": os.path.abspath(os.environ.get("STANDIN", "")), "QLANE_ENGINE": "q"}

    def test_the_requests(self):
        self.env = self.libq
        self.start()
        requests = [("COUNT", "NUMBER 0"), ("GET a", "NONE"), ("PUT a 1", "OK"), ('PUT "b c" "two words"', "OK"),
                    ("GET a", 'VALUE "1"'), ('GET "b c"', 'VALUE "two words"'), ("PUT a zürich", "OK"),
                    ("GET a", 'VALUE "zürich"'), ("ADD n 40", 'VALUE "40"'), ("ADD n 2", 'VALUE "42"'),
                    ("COUNT", "NUMBER 3"), ("DELETE a", "NUMBER 1"), ("DELETE a", "NUMBER 0"), ("GET a", "NONE"),
                    ('PUT k "`x`y!1 2; exit 3"', "OK"), ("GET k", 'VALUE "`x`y!1 2; exit 3"'), ("COUNT", "NUMBER 3")]
        for number in range(50):
            requests += [(f"PUT key{number} {number}", "OK"), (f"GET key{number}", f'VALUE "{number}"')]
        asked, replies = zip(*requests)
        self.assertEqual(self.client().ask(*asked), [reply + "\n" for reply in replies])
        self.stop()

    def test_a_refused_engine_says_why(self):
        def refused(*options, says, **env):
            self.refused(*options, says=says, env=os.environ | self.libq | env)
        refused("--listen", "127.0.0.1:0", QLANE_ENGINE="none", says="QLANE_ENGINE: 'none' is none of: sqlite or q")
        refused("--listen", "127.0.0.1:0", QLANE_LIBQ="/no/such/libq.so", says="there is no libq at '/no/such/libq.so'")
        refused("--listen", "127.0.0.1:0", "--db", self.db, says="--db: q keeps its table in memory")
        refused("--listen", "127.0.0.1:0", LIBQ_STANDIN_MODE="init_fails", says="q did not start")


if __name__ == "__main__":
    unittest.main(verbosity=2)
