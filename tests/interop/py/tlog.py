"""Reads a transparency log, or a proof from one, by the C2SP documents alone: signed-note, tlog-checkpoint, tlog-tiles,
tlog-proof, and RFC 6962. Exit 0 if all of it agrees, 1 if it does not.

usage: tlog.py log FOLDER SPKI-PEM ORIGIN
       tlog.py proof FILE SPKI-PEM ORIGIN
"""

import base64
import hashlib
import pathlib
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization


class Refused(Exception):
    """Something does not agree."""


def expect(holds, what):
    if not holds:
        raise Refused(what)


def leaf_hash(entry):
    return hashlib.sha256(b"\x00" + entry).digest()


def mth(leaves):
    """RFC 6962, section 2.1, from hashes of leaves."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + mth(leaves[:split]) + mth(leaves[split:])).digest()


def root_of_path(index, size, leaf, path):
    """RFC 6962, section 2.1.1, walked from the root down."""
    if size == 1:
        expect(not path, "the path is too long")
        return leaf
    expect(path, "the path is too short")
    split = 1
    while split * 2 < size:
        split *= 2
    sibling, rest = path[-1], path[:-1]
    if index < split:
        pair = root_of_path(index, split, leaf, rest) + sibling
    else:
        pair = sibling + root_of_path(index - split, size - split, leaf, rest)
    return hashlib.sha256(b"\x01" + pair).digest()


def checkpoint(note, key, origin):
    """The size and root of a checkpoint, if the key signed it under the origin."""
    text, _, signatures = note.rpartition(b"\n\n")
    text += b"\n"
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    key_id = hashlib.sha256(origin.encode() + b"\n\x01" + raw).digest()[:4]
    for line in signatures.decode().removesuffix("\n").split("\n"):
        dash, name, value = line.split(" ")
        value = base64.b64decode(value, validate=True)
        expect(dash == "\u2014", "a signature line that is none")
        if (name, value[:4]) == (origin, key_id):
            try:
                key.verify(value[4:], text)
            except InvalidSignature as error:
                raise Refused("the signature does not verify") from error
            break
    else:
        raise Refused("no signature by the key")
    named, size, root, rest = text.decode().split("\n")
    expect(named == origin and rest == "" and str(int(size)) == size, "not a checkpoint")
    return int(size), base64.b64decode(root, validate=True)


def path_of(index, width):
    groups = [f"{index % 1000:03}"]
    while index := index // 1000:
        groups.insert(0, f"x{index % 1000:03}")
    return "/".join(groups) + (f".p/{width}" if width < 256 else "")


def tiles(count):
    """The place and width of every tile that has so many hashes in all."""
    for first in range(0, count, 256):
        yield first, min(256, count - first)


def entries(bundle):
    while bundle:
        length = int.from_bytes(bundle[:2], "big")
        expect(len(bundle) >= 2 + length, "a bundle that ends inside an entry")
        yield bundle[2 : 2 + length]
        bundle = bundle[2 + length :]


def read_log(folder, key, origin):
    size, root = checkpoint((folder / "checkpoint").read_bytes(), key, origin)
    leaves = []
    for first, width in tiles(size):
        bundle = list(entries((folder / "tile/entries" / path_of(first // 256, width)).read_bytes()))
        expect(len(bundle) == width, "a bundle with another number of entries")
        leaves += [leaf_hash(entry) for entry in bundle]
    expect(mth(leaves) == root, "the entries have another root")
    level, hashes = 0, leaves
    while hashes:
        for first, width in tiles(len(hashes)):
            tile = (folder / f"tile/{level}" / path_of(first // 256, width)).read_bytes()
            expect(tile == b"".join(hashes[first : first + width]), "a tile with other hashes")
        hashes = [mth(hashes[first : first + 256]) for first in range(0, len(hashes) - 255, 256)]
        level += 1
    print(f"accepted: {size} leaves")


def read_proof(file, key, origin):
    head, _, note = file.read_bytes().partition(b"\n\n")
    version, extra, index, *path = head.decode().split("\n")
    expect(version == "c2sp.org/tlog-proof@v1", "another version")
    expect(extra.startswith("extra ") and index.startswith("index "), "lines of another form")
    size, root = checkpoint(note, key, origin)
    entry = base64.b64decode(extra.removeprefix("extra "), validate=True)
    path = [base64.b64decode(line, validate=True) for line in path]
    index = int(index.removeprefix("index "))
    expect(index < size, "an index past the end")
    expect(root_of_path(index, size, leaf_hash(entry), path) == root, "the path leads to another root")
    print(f"accepted: {entry.decode()}")


what, place, key_file, name = sys.argv[1:]
with open(key_file, "rb") as opened:
    public = serialization.load_pem_public_key(opened.read())
try:
    {"log": read_log, "proof": read_proof}[what](pathlib.Path(place), public, name)
except Refused as refused:
    print(f"refused: {refused}")
    sys.exit(1)
