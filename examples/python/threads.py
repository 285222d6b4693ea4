"""Twenty threads upsert into one table, through one lane.

usage: threads.py DATABASE [finally|forgotten|os_exit|raise]      how the program ends"""

import os
import sys
import threading

import qlane

THREADS, UPSERTS, KEYS = 20, 50, 7
UPSERT = "INSERT INTO counts VALUES (?1, 1) ON CONFLICT (key) DO UPDATE SET count = count + 1"


def upsert(database, number, upserts):
    try:
        for i in range(upserts):
            database.execute(UPSERT, f"key {(number + i) % KEYS}")
    except qlane.Stopped:  # the program ends
        pass


def begin(database, upserts, **kind):
    threads = [threading.Thread(target=upsert, args=(database, number, upserts), **kind) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    return threads


def work(database):
    for thread in begin(database, UPSERTS):
        thread.join()
    print(*database.execute("SELECT count(*), sum(count) FROM counts"))


def leave(database, how):
    """End while twenty threads wait for the lane."""
    begin(database, 10**9, daemon=True)
    upsert(database, 0, UPSERTS)
    if how == "os_exit":
        os._exit(0)
    if how == "raise":
        raise SystemExit("on purpose")


def main(path, how="finally"):
    runtime = qlane.Runtime()
    database = runtime.sqlite(path)
    database.execute("CREATE TABLE IF NOT EXISTS counts (key TEXT PRIMARY KEY, count INTEGER)")
    if how != "finally":
        return leave(database, how)
    try:
        work(database)
    finally:
        runtime.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
