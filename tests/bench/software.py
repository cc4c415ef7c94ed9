"""How long `attestar sbom` takes over large lockfiles, and over an image, beside `attestar hash` of the same files.

    tests/bench/software --packages 20000 --image-mib 1024 --runs 3
"""

import argparse
import gzip
import io
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
MIB = 1 << 20
POLICY = 'schema = 1\n[project]\nname = "bench"\n[[include]]\nclass = "artifact"\npaths = ["**"]\n'
STATUS = "Package: package-{0:04}\nStatus: install ok installed\nVersion: 1.{0}-1\nArchitecture: amd64\nDepends: libc6\n\n"


def best(runs, command, env):
    """The shortest of several runs, in seconds."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return min(times)


def lockfiles(args, folder, env):
    """One table: a lockfile a line."""
    script = os.path.join(HERE, "lockfiles.py")
    subprocess.run([sys.executable, "-B", script, folder, str(args.packages)], check=True)
    print(f"\nsbom · {args.packages:,} packages, best of {args.runs}\n  {'':<20}{'MiB':>8}{'ms':>8}{'spdx ms':>9}")
    for name in sorted(os.listdir(folder)):
        tree = os.path.join(folder, name)
        [file] = os.listdir(tree)
        took = []
        for form in ("cyclonedx", "spdx"):
            command = [args.bin, "-C", tree, "--policy", args.policy, "sbom", "--format", form, "--out", args.out]
            took.append(best(args.runs, command, env))
        with open(args.out, encoding="utf-8") as out:
            found = sum(1 for package in json.load(out)["packages"] if re.fullmatch(r"package-\d+", package["name"]))
        if found != args.packages:
            sys.exit(f"error: {found} components of {args.packages} in {file}")
        size = os.path.getsize(os.path.join(tree, file)) / MIB
        print(f"  {file:<20}{size:>8.1f}{took[0] * 1000:>8.0f}{took[1] * 1000:>9.0f}")


def layer(members):
    """A layer as an uncompressed tar."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def image(path, mib, gzipped):
    """`docker save` of two layers: half in files of 1 MiB, half in small ones, and a package database. As they are, the
    files are noise; for layers that gzip makes smaller they are words, and the archive is what is so large."""
    if gzipped:
        noise = words(MIB)
        shrinks = len(zlib.compress(noise, 1)) / MIB
        pack = lambda content: gzip.compress(content, 1, mtime=0)
    else:
        noise, shrinks, pack = os.urandom(MIB), 1, lambda content: content
    files = int(mib / 2 / shrinks)
    large = layer((f"opt/large/{number:04}", noise) for number in range(files))
    small = layer((f"usr/share/{number // 500:03}/{number:06}", noise[:4700]) for number in range(files * 200))
    status = "".join(STATUS.format(number) for number in range(1, 801)).encode()
    base = layer([("etc/os-release", b'ID=debian\nVERSION_ID="12"\n'), ("var/lib/dpkg/status", status)])
    manifest = [{"Config": "config.json", "RepoTags": ["bench:1"], "Layers": ["a.tar", "b.tar", "c.tar"]}]
    with tarfile.open(path, "w") as tar:
        layers = [("a.tar", pack(base)), ("b.tar", pack(large)), ("c.tar", pack(small))]
        members = layers + [("config.json", b"{}"), ("manifest.json", json.dumps(manifest).encode())]
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def words(size):
    """Text that deflate makes about as much smaller as it makes programs."""
    rng = random.Random("attestar bench, words")
    some = [rng.randbytes(rng.randint(2, 9)) for _ in range(5000)]
    out = bytearray()
    while len(out) < size:
        out += rng.choice(some)
    return bytes(out[:size])


def images(args, folder, env, gzipped):
    """One table: what hashing takes, what hashing and looking inside takes."""
    tree = os.path.join(folder, "image")
    os.makedirs(os.path.join(tree, "dist"))
    path = os.path.join(tree, "dist", "image.tar")
    image(path, args.image_mib, gzipped)
    size = os.path.getsize(path) / MIB
    common = [args.bin, "-C", tree, "--policy", args.policy]
    hashed = best(args.runs, common + ["hash"], env)
    for name in ("HASHES.sha256.txt", "HASHES.blake3.txt"):
        os.remove(os.path.join(tree, name))
    both = best(args.runs, common + ["sbom", "--out", args.out], env)
    with open(args.out, encoding="utf-8") as out:
        found = sum(1 for one in json.load(out)["components"] if one.get("purl", "").startswith("pkg:deb/"))
    if found != 800:
        sys.exit(f"error: {found} packages of 800 in the image")
    shutil.rmtree(tree)
    inside = max(both - hashed, 0.001)
    form = "layers in gzip" if gzipped else "layers as they are"
    print(f"\nimage, {form} · {size:,.0f} MiB, 800 packages, best of {args.runs}")
    print(f"  {'hash':<24}{hashed:>8.2f} s")
    print(f"  {'sbom (hashes as well)':<24}{both:>8.2f} s")
    print(f"  {'looking inside':<24}{inside:>8.2f} s   {hashed / inside:.1f} times the speed of hash")


def main():
    """Both tables."""
    parser = argparse.ArgumentParser(prog="tests/bench/software", description=__doc__.splitlines()[0])
    parser.add_argument("--packages", type=int, default=20_000, metavar="N", help="packages a lockfile")
    parser.add_argument("--image-mib", type=int, default=1024, metavar="N", help="size of the image; 0 for none")
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="best of N (default 3)")
    parser.add_argument("--bin", required=True, metavar="FILE", help=argparse.SUPPRESS)
    args = parser.parse_args()
    root = tempfile.mkdtemp(prefix="attestar-bench-", dir="/dev/shm")
    try:
        args.policy, args.out = os.path.join(root, "policy.toml"), os.path.join(root, "bom.json")
        with open(args.policy, "w", encoding="utf-8") as policy:
            policy.write(POLICY)
        env = {"PATH": os.environ["PATH"], "HOME": root, "SOURCE_DATE_EPOCH": "1700000000"}
        lockfiles(args, os.path.join(root, "lockfiles"), env)
        if args.image_mib:
            images(args, root, env, gzipped=False)
            images(args, root, env, gzipped=True)
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
