"""Reads a stream by the seek table of the zstd seekable format, as its specification says, and restores every frame
alone with the `zstd` program: each must be the very bytes that the whole stream has in its place.

usage: zstd_seekable.py STREAM.zst
"""

import struct
import subprocess
import sys

SKIPPABLE, SEEKABLE, FRAME = 0x184D2A50, 0x8F92EAB1, 0xFD2FB528


def decompress(data):
    """What the zstd program makes of `data`."""
    return subprocess.run(["zstd", "-dc"], input=data, stdout=subprocess.PIPE, check=True).stdout


with open(sys.argv[1], "rb") as file:
    stream = file.read()

# The footer: how many frames, a descriptor byte, the magic number. Bit 7: a checksum in each entry; 2 to 6: reserved.
frames, descriptor, magic = struct.unpack("<IBI", stream[-9:])
assert magic == SEEKABLE, f"no seek table: {magic:#x}"
assert descriptor & 0x7C == 0, f"reserved bits are set: {descriptor:#x}"
entry_bytes = 12 if descriptor & 0x80 else 8
table_bytes = frames * entry_bytes + 9
table_start = len(stream) - table_bytes - 8
assert struct.unpack_from("<II", stream, table_start) == (SKIPPABLE | 0xE, table_bytes), "not in a skippable frame"

whole, at, plain_at, restored = decompress(stream), 0, 0, 0
for index in range(frames):
    packed, plain = struct.unpack_from("<II", stream, table_start + 8 + index * entry_bytes)
    (magic,) = struct.unpack_from("<I", stream, at)
    if plain == 0 and magic & 0xFFFFFFF0 == SKIPPABLE:
        assert struct.unpack_from("<I", stream, at + 4) == (packed - 8,), f"frame {index}: wrong length"
    else:
        assert magic == FRAME, f"frame {index} does not start where the table says"
        assert decompress(stream[at : at + packed]) == whole[plain_at : plain_at + plain], f"frame {index} differs"
        restored += 1
    at, plain_at = at + packed, plain_at + plain

assert at == table_start, f"the table covers {at} of {table_start} bytes"
assert plain_at == len(whole), f"the table covers {plain_at} of {len(whole)} plain bytes"
assert restored > 1, "one frame alone proves nothing"
print(f"{restored} frames, {len(whole)} bytes")
