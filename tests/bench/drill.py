"""Measures a drill against the restore that it is made of: `tests/bench/drill --help` lists the options.

Backs a corpus up into a store, with a database of SQLite and one of DuckDB beside it, then lets `restore latest` and
`drill latest` do the same archive in turn. What the drill may cost is 1.1 times the restore and what the databases take to
answer, within 256 MiB outside DuckDB. A second drill has a `files` probe too, which reads everything once more: its time is
shown apart, and what the drill itself adds is held to the same. Past a bound the exit code is 1.
"""

import argparse
import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TIMES_MAX = 1.1
MEMORY_MAX_MIB = 256
POLICY = """schema = 1
[project]
name = "bench"
[store]
url = "../store"
[[include]]
class = "data"
paths = ["**"]
exclude = ["*.toml"]
[[capture]]
id = "orders"
kind = "sqlite"
path = "var/orders.db"
[[capture]]
id = "readings"
kind = "duckdb"
path = "var/readings.duckdb"
[drill]
scratch = "{scratch}"
[[probe]]
id = "orders"
kind = "sqlite"
capture = "orders"
[[probe]]
id = "readings"
kind = "duckdb"
capture = "readings"
"""
FILES = """[[probe]]
id = "files"
kind = "files"
"""
ROWS = 500_000


def databases(folder, rows, env):
    """A database of each kind, of some 25 MiB at full scale."""
    os.makedirs(folder)
    with sqlite3.connect(os.path.join(folder, "orders.db")) as connection:
        connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, owner INTEGER, note TEXT)")
        connection.execute("CREATE INDEX by_owner ON orders (owner)")
        made = ((row, row % 977, f"order {row * 2654435761 % 1000003}") for row in range(rows))
        connection.executemany("INSERT INTO orders VALUES (?, ?, ?)", made)
    connection.close()
    make = f"CREATE TABLE readings AS SELECT i AS id, i * 7 % 1009 AS level, 'gauge ' || i % 97 AS gauge FROM range({rows}) t (i)"
    subprocess.run(["duckdb", os.path.join(folder, "readings.duckdb"), "-c", make], env=env, check=True)


def measure(words, env):
    """Wall seconds, and the peak of the program's own memory in MiB: of what it starts, nothing."""
    started, peak = time.monotonic(), 0
    child = subprocess.Popen(words, env=env, stdout=subprocess.DEVNULL)
    while child.poll() is None:
        try:
            with open(f"/proc/{child.pid}/status", encoding="ascii") as status:
                kib = [int(line.split()[1]) for line in status if line.startswith("VmHWM:")]
            peak = max([peak, *kib])
        except OSError:
            pass
        time.sleep(0.002)
    if child.returncode:
        sys.exit(f"error: {' '.join(words)} ended with {child.returncode}")
    return time.monotonic() - started, peak / 1024


def drilled(run, tree, policy, out, env):
    """What a drill took in seconds, of that the databases and the `files` probe, and its memory in MiB."""
    words = [*run, "-C", tree, "--policy", os.path.join(tree, policy), "drill", "--out", out]
    seconds, mib = measure(words, env)
    with open(os.path.join(out, "drill_report.json"), encoding="utf-8") as file:
        probes = json.load(file)["probes"]
    took = {kind: sum(p["duration_ms"] for p in probes if (p["kind"] == "files") == (kind == "files")) / 1000
            for kind in ("databases", "files")}
    return {"seconds": seconds, "memory_mib": mib, **took}


def judge(name, restore, drill):
    """Prints a line for a drill; whether it is within the bounds."""
    own = drill["seconds"] - drill["databases"] - drill["files"]
    times, mib = own / restore, drill["memory_mib"]
    holds = times <= TIMES_MAX and mib <= MEMORY_MAX_MIB
    print(f"  {name:<14} {drill['seconds']:7.2f} s   databases {drill['databases']:.2f} s, files {drill['files']:.2f} s, "
          f"the rest {own:.2f} s: {times:.2f} times the restore, at most {TIMES_MAX}")
    print(f"  {'':<14} {mib:7.0f} MiB at most {MEMORY_MAX_MIB}{'' if holds else '   PAST THE BOUND'}")
    return holds


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/drill", description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", default="big", choices=["small", "release", "big"], help="default: %(default)s")
    parser.add_argument("--scale", type=float, default=1.0, metavar="X", help="a smaller corpus, to try things out")
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="best of N (default 3)")
    parser.add_argument("--dir", default=tempfile.gettempdir(), metavar="DIR",
                        help="where all of it lies (default %(default)s); not below /dev, which probes do not see")
    parser.add_argument("--json", metavar="FILE", help="the same numbers for a program")
    parser.add_argument("--bin", required=True, metavar="FILE", help=argparse.SUPPRESS)
    args = parser.parse_args()
    path = os.pathsep.join([os.path.join(HERE, "../../.venv/bin"), os.environ["PATH"]])
    if not shutil.which("duckdb", path=path):
        sys.exit("error: no duckdb on PATH, nor in .venv: tests/run installs it")
    root = tempfile.mkdtemp(prefix="attestar-bench.", dir=args.dir)
    # Whoever DuckDB runs as passes through.
    os.chmod(root, 0o711)
    try:
        holds = bench(args, root, {"PATH": path, "ATTESTAR_HOME": os.path.join(root, "home")})
    finally:
        shutil.rmtree(root)
    sys.exit(0 if holds else 1)


def bench(args, root, env):
    """Everything in a folder of its own; whether all is within the bounds."""
    tree, scratch = os.path.join(root, "tree"), os.path.join(root, "scratch")
    os.makedirs(scratch)
    writer = [sys.executable, "-B", os.path.join(HERE, "corpus.py"), args.corpus, tree, str(args.scale)]
    subprocess.run(writer, check=True)
    databases(os.path.join(tree, "var"), max(int(ROWS * args.scale), 1000), env)
    policy = POLICY.format(scratch=scratch)
    for name, text in (("attestar.toml", policy), ("files.toml", policy + FILES)):
        with open(os.path.join(tree, name), "w", encoding="utf-8") as file:
            file.write(text)
    run = [args.bin, "-q", "--no-progress"]
    subprocess.run([*run, "keys", "new", "--no-passphrase"], env=env, check=True, stdout=subprocess.DEVNULL)
    subprocess.run([*run, "-C", tree, "backup"], env=env, check=True, stdout=subprocess.DEVNULL)
    restores, drills = [], {"attestar.toml": [], "files.toml": []}
    for _ in range(args.runs):
        to = os.path.join(root, "back")
        restores.append(measure([*run, "-C", tree, "restore", "latest", "--to", to], env)[0])
        shutil.rmtree(to)
        for name, taken in drills.items():
            taken.append(drilled(run, tree, name, os.path.join(root, "report"), env))
    restore = min(restores)
    print(f"drill · {args.corpus}")
    print(f"  {'restore':<14} {restore:7.2f} s")
    # Each is judged by its quickest run, but by the most memory of any.
    best = {name: min(taken, key=lambda one: one["seconds"]) for name, taken in drills.items()}
    for name, taken in drills.items():
        best[name]["memory_mib"] = max(one["memory_mib"] for one in taken)
    held = [judge(name, restore, best[file]) for name, file in (("drill", "attestar.toml"), ("drill, files", "files.toml"))]
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump({"restore": restores, "drill": drills["attestar.toml"], "files": drills["files.toml"]}, file)
    return all(held)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
