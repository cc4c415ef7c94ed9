"""Writes the corpora of the bench, the same bytes each time.

usage: corpus.py small|release|big|many|million DIR SCALE      SCALE 1 is the full size; 0.05 is for trying things out
"""

import os
import random
import sys
from array import array

MIB = 1 << 20
NOTE = "docs/note.md"  # the file of about 4 KB that the job `one` restores; every corpus has it


class Words:
    """Text that compresses about as prose does: words drawn by Zipf's law, 65,536 tickets for 4,096 words."""

    def __init__(self, rng):
        self.rng = rng
        self.rows = 0
        letters = "etaoinshrdlucmfwypvbgkjqxz"
        weights = [2 ** (4 - index / 5) for index in range(26)]
        words = ["".join(rng.choices(letters, weights, k=rng.randint(2, 10))) for _ in range(4096)]
        shares = [1 / (rank + 2) for rank in range(4096)]
        ends = rng.choices([" ", ", ", ". ", "\n"], [84, 7, 5, 4], k=65536)
        drawn = rng.choices(words, shares, k=65536)
        self.tickets = [(word + end).encode() for word, end in zip(drawn, ends)]

    def text(self, size):
        """Exactly `size` bytes."""
        out = b""
        while len(out) < size:
            draws = array("H", self.rng.randbytes(2 * (size // 5 + 16)))
            out += b"".join(map(self.tickets.__getitem__, draws))
        return out[:size]

    def sql(self, size):
        """Exactly `size` bytes of INSERT statements with rising ids, times, prices and a comment."""
        out = bytearray()
        row = b"INSERT INTO trades VALUES (%d, '2026-%02d-%02dT%02d:%02d:%02dZ', %d.%02d, %d, '%b%b');\n"
        while len(out) < size:
            self.rows += 1
            r = self.rng.randbytes(10)
            at = (1 + r[0] % 12, 1 + r[1] % 28, r[2] % 24, r[3] % 60, r[4] % 60)
            words = self.tickets[r[5] << 8 | r[6]].strip(), self.tickets[r[7] << 8 | r[8]].strip()
            out += row % (self.rows, *at, r[9] * 17, r[1] % 100, r[2] * r[3], *words)
        return bytes(out[:size])


def write(folder, path, content):
    """One file; `content` is bytes or an iterable of them."""
    file = os.path.join(folder, path)
    os.makedirs(os.path.dirname(file), exist_ok=True)
    with open(file, "wb") as out:
        for chunk in [content] if isinstance(content, bytes) else content:
            out.write(chunk)


def in_chunks(make, size):
    """`make(n)` called for at most 16 MiB at a time."""
    for at in range(0, size, 16 * MIB):
        yield make(min(16 * MIB, size - at))


def small(folder, rng, words, scale):
    """50,000 files of 0.2 to 12 KB."""
    for number in range(int(50_000 * scale)):
        write(folder, f"docs/{number // 500:03}/page-{number:05}.md", words.text(rng.randint(200, 12_000)))


def release(folder, rng, words, scale):
    """2,300 files and 600 MB: documents, ordered DDL, and artifacts of which half do not compress."""
    for number in range(int(1_950 * scale)):
        write(folder, f"docs/guide/{number // 50:02}/page-{number:04}.md", words.text(rng.randint(2_000, 30_000)))
    for number in range(int(290 * scale)):
        write(folder, f"ddl/{number:04}_step.sql", words.sql(rng.randint(2_000, 40_000)))
    for number in range(60):
        size = int(rng.randint(4_000_000, 14_700_000) * scale)
        make = rng.randbytes if number % 2 else words.text
        write(folder, f"dist/tool-{number:02}.bin", in_chunks(make, size))


def big(folder, rng, words, scale):
    """Two files of 1 GiB: one random, one SQL text."""
    write(folder, "dist/noise.bin", in_chunks(rng.randbytes, int(1024 * MIB * scale)))
    write(folder, "dist/trades.sql", in_chunks(words.sql, int(1024 * MIB * scale)))


def many(folder, rng, words, scale):
    """50,000 files and 600 MB: small documents, ordered DDL, and artifacts of which half do not compress."""
    for number in range(int(49_650 * scale)):
        write(folder, f"docs/{number // 500:03}/page-{number:05}.md", words.text(rng.randint(200, 12_000)))
    for number in range(int(290 * scale)):
        write(folder, f"ddl/{number:04}_step.sql", words.sql(rng.randint(2_000, 40_000)))
    for number in range(60):
        make = rng.randbytes if number % 2 else words.text
        write(folder, f"dist/tool-{number:02}.bin", in_chunks(make, int(4_800_000 * scale)))


def million(folder, rng, words, scale):
    """1,000,000 files of 50 to 150 bytes, 500 to a folder."""
    for number in range(int(1_000_000 * scale)):
        write(folder, f"docs/{number // 500:04}/page-{number:07}.md", words.text(rng.randint(50, 150)))


def main():
    """Writes one corpus."""
    name, folder, scale = sys.argv[1], sys.argv[2], float(sys.argv[3])
    rng = random.Random(f"attestar bench, corpus {name}")
    words = Words(rng)
    corpora = {"small": small, "release": release, "big": big, "many": many, "million": million}
    corpora[name](folder, rng, words, scale)
    write(folder, NOTE, words.text(4_096))


if __name__ == "__main__":
    main()
