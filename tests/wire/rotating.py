"""A process that writes a log and rotates it in every way, and one that follows it; the second is there to be killed.

    python -m tests.wire.rotating write FOLDER ROTATIONS SEED
    python -m tests.wire.rotating follow FOLDER DATABASE

The writer's lines are numbered; the follower keeps them in a table, in the transaction that keeps its position.
"""

import gzip
import os
import random
import shutil
import sqlite3
import sys
import time
from pathlib import Path

import zstandard

from sensor.packets.inflate import open_stream
from sensor.wire.follow import Follower

HEAD = "#separator \\x09\n#set_separator\t,\n#unset_field\t-\n#path\tconn\n#open\t{}\n#fields\tts\tuid\tnote\n"
LINES = 120
"""Lines between two rotations, about."""


class Writer:
    """Writes `current/conn.log`, and moves it out of the way."""

    def __init__(self, folder, seed):
        self.log = folder / "current" / "conn.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.rng = random.Random(seed)
        self.number = self.rotation = 0
        self.file = self.begin()

    def begin(self):
        """Open a new file, with a header or, now and then, without one."""
        file = self.log.open("w")
        if self.rng.random() < 0.8 or not self.rotation:
            file.write(HEAD.format(self.rotation))
        file.flush()
        return file

    def write(self, lines):
        """Write lines, some in two halves with a pause between."""
        for _ in range(lines):
            line = f"{self.number}.5\tC{self.number}\t{'n' * self.rng.randrange(120)}\n"
            self.number += 1
            cut = self.rng.randrange(len(line))
            self.file.write(line[:cut])
            if self.rng.random() < 0.1:
                self.file.flush()
                time.sleep(0.001)
            self.file.write(line[cut:])
            if self.rng.random() < 0.2:
                self.file.flush()
        self.file.flush()

    def rotate(self):
        """Rotate in one of six ways."""
        self.rotation += 1
        way = self.rng.choice(["rename", "late", "day", "gzip", "zstd", "truncate"])
        beside = self.log.with_name(f"conn.{2026 + self.rotation}-11-24-08-00-00.log")
        if way == "truncate":
            shutil.copy(self.log, beside)
            os.truncate(self.log, 0)
            self.file.close()
            self.file = self.begin()
            return
        self.log.rename(beside)
        if way == "late":  # it goes on writing under the new name for a while
            self.write(10)
        if self.rng.random() < 0.3:
            self.file.write("#close\t2026\n")
        self.file.close()
        self.file = self.begin()
        if way in {"day", "gzip", "zstd"}:
            day = self.log.parent.parent / f"2026-{1 + self.rotation // 28:02}-{1 + self.rotation % 28:02}"
            day.mkdir(exist_ok=True)
            self.archive(way, beside, day / f"conn.{self.rotation}.log")

    def archive(self, way, path, target):
        """Move or pack a file, the packed copy growing while the plain one is still there."""
        if way == "day":
            path.rename(target)
            return
        packed = (gzip.compress if way == "gzip" else zstandard.ZstdCompressor().compress)(path.read_bytes())
        with target.with_name(target.name + (".gz" if way == "gzip" else ".zst")).open("wb") as file:
            for start in range(0, len(packed), 1000):
                file.write(packed[start : start + 1000])
                file.flush()
                time.sleep(0.001)
        path.unlink()


def write(folder, rotations, seed):
    """Write until the log was rotated so often."""
    writer = Writer(folder, seed)
    while not (folder / "followed").exists():
        time.sleep(0.01)
    while writer.rotation < rotations:
        writer.write(writer.rng.randrange(LINES * 2))
        time.sleep(writer.rng.random() * 0.7)
        writer.rotate()
    writer.write(5)
    (folder / "written").write_text(str(writer.number))


def connect(database):
    """Open the table of lines and the position."""
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE IF NOT EXISTS lines (line TEXT)")
    connection.execute("CREATE TABLE IF NOT EXISTS position (id INTEGER PRIMARY KEY, text TEXT)")
    return connection


def follow(folder, database, *, polls=0):
    """Follow until killed, or for a number of polls without anything new."""
    connection = connect(database)
    row = connection.execute("SELECT text FROM position").fetchone()
    follower = Follower(str(folder / "current"), open_stream, row[0] if row else None)
    quiet = 0
    while not polls or quiet < polls:
        pieces = follower.poll(limit_bytes=4096)
        quiet = 0 if pieces else quiet + 1
        if pieces or not row:
            connection.execute("BEGIN IMMEDIATE")
            for piece in pieces:
                lines = [line for line in piece.data.decode().split("\n") if line and not line.startswith("#")]
                connection.executemany("INSERT INTO lines VALUES (?)", [(line,) for line in lines])
            connection.execute("INSERT OR REPLACE INTO position VALUES (1, ?)", (follower.position(),))
            connection.execute("COMMIT")
            row = ("",)
            (folder / "followed").touch()
        else:
            time.sleep(0.001)
    follower.close()
    connection.close()
    return follower.missing


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
    else:
        follow(Path(sys.argv[2]), sys.argv[3])
