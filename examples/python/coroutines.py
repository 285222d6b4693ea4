"""Twenty coroutines upsert into one table, through one lane.

usage: coroutines.py DATABASE [finally|forgotten|os_exit|raise]      how the program ends"""

import asyncio
import os
import sys

import qlane

COROUTINES, UPSERTS, KEYS = 20, 50, 7
UPSERT = "INSERT INTO counts VALUES (?1, 1) ON CONFLICT (key) DO UPDATE SET count = count + 1"


async def upsert(database, number):
    for i in range(UPSERTS):
        await database.query(UPSERT, f"key {(number + i) % KEYS}")


async def work(database):
    await database.query("CREATE TABLE IF NOT EXISTS counts (key TEXT PRIMARY KEY, count INTEGER)")
    await asyncio.gather(*(upsert(database, number) for number in range(COROUTINES)))
    print(*await database.query("SELECT count(*), sum(count) FROM counts"))


async def leave(database, how):
    """End while twenty requests are on their way."""
    await database.query("CREATE TABLE IF NOT EXISTS counts (key TEXT PRIMARY KEY, count INTEGER)")
    tasks = [asyncio.ensure_future(upsert(database, number)) for number in range(COROUTINES)]
    await tasks[0]
    if how == "os_exit":
        os._exit(0)
    if how == "raise":
        raise SystemExit("on purpose")


def main(path, how="finally"):
    runtime = qlane.Runtime()
    database = runtime.sqlite(path)
    if how != "finally":
        return asyncio.run(leave(database, how))
    try:
        asyncio.run(work(database))
    finally:
        runtime.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
