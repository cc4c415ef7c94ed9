"""Measures a drill against the restore that it is made of: `tests/bench/drill --help` lists the options.

Backs a corpus up into a store in memory, then lets `restore latest` and `drill latest` do the same archive in turn. What
the drill may cost is 1.1 times the restore, databases' own time apart, within 256 MiB.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
POLICY = """schema = 1
[project]
name = "bench"
[store]
url = "../store"
[[include]]
class = "data"
paths = ["**"]
exclude = ["attestar.toml"]
[drill]
scratch = "{scratch}"
"""


def measure(words, env):
    """Wall seconds, and the peak of memory in MiB."""
    started = time.monotonic()
    child = subprocess.Popen(words, env=env, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"error: {' '.join(words)} ended with {os.waitstatus_to_exitcode(status)}")
    return time.monotonic() - started, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/drill", description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", default="big", choices=["small", "release", "big"], help="default: %(default)s")
    parser.add_argument("--scale", type=float, default=1.0, metavar="X", help="a smaller corpus, to try things out")
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="best of N (default 3)")
    parser.add_argument("--json", metavar="FILE", help="the same numbers for a program")
    parser.add_argument("--bin", required=True, metavar="FILE", help=argparse.SUPPRESS)
    args = parser.parse_args()
    root = tempfile.mkdtemp(prefix="attestar-bench.", dir="/dev/shm")
    try:
        tree, scratch = os.path.join(root, "tree"), os.path.join(root, "scratch")
        os.makedirs(scratch)
        writer = [sys.executable, "-B", os.path.join(HERE, "corpus.py"), args.corpus, tree, str(args.scale)]
        subprocess.run(writer, check=True)
        with open(os.path.join(tree, "attestar.toml"), "w", encoding="utf-8") as file:
            file.write(POLICY.format(scratch=scratch))
        env = {"PATH": os.environ["PATH"], "ATTESTAR_HOME": os.path.join(root, "home")}
        run = [args.bin, "-q", "--no-progress"]
        subprocess.run([*run, "keys", "new", "--no-passphrase"], env=env, check=True, stdout=subprocess.DEVNULL)
        subprocess.run([*run, "-C", tree, "backup"], env=env, check=True, stdout=subprocess.DEVNULL)
        times = {"restore": [], "drill": []}
        for _ in range(args.runs):
            to = os.path.join(root, "back")
            times["restore"].append(measure([*run, "-C", tree, "restore", "latest", "--to", to], env))
            shutil.rmtree(to)
            out = os.path.join(root, "report")
            times["drill"].append(measure([*run, "-C", tree, "drill", "--out", out], env))
        restore, drill = (min(seconds for seconds, _ in times[job]) for job in ("restore", "drill"))
        peak = max(mib for _, mib in times["drill"])
        print(f"drill · {args.corpus}")
        print(f"  restore  {restore:8.2f} s")
        print(f"  drill    {drill:8.2f} s    {drill / restore:.2f} times the restore, at most 1.1")
        print(f"  memory   {peak:8.0f} MiB  at most 256")
        if args.json:
            with open(args.json, "w", encoding="utf-8") as file:
                json.dump(times, file)
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
