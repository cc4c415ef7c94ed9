"""How long the check of a store takes in which every night of a month was backed up, beside the checks of other backup tools.

    tests/bench/backup_verify --nights 30 --runs 3

Each night some of the files are new; every tool backs up the same tree into a folder of its own, and then reads all that it
stored: `attestar backup-verify --all`, with an identity down to each file and without one the ciphertexts alone;
`restic check --read-data`; `rustic check --read-data`. They take turns. What a tool has to read is what it stored, so that
stands beside the time. `cat` of attestar's archives is the bound.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))

POLICY = """schema = 1
[project]
name = "bench"
[[include]]
class = "data"
paths = ["**"]
[store]
url = "STORE"
"""


def shell(command, env, cwd=None):
    """Runs a command that must succeed."""
    done = subprocess.run(["bash", "-c", command], env=env, cwd=cwd, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        sys.exit(f"error: exit {done.returncode}: {command}\n{done.stdout}")
    return done.stdout


def files_of(tree):
    """Every file, in order."""
    found = [os.path.join(folder, name) for folder, _, names in os.walk(tree) for name in names]
    return sorted(path for path in found if not path.endswith("attestar.toml"))


def night(tree, number, percent):
    """Writes some of the files anew, each with as many bytes as before."""
    rng = random.Random(f"night {number}")
    files = files_of(tree)
    for path in rng.sample(files, max(1, len(files) * percent // 100)):
        size = os.path.getsize(path)
        with open(path, "r+b") as out:
            out.write(rng.randbytes(min(size, 1 << 20)))


def size_of(folder):
    """Bytes of all files below."""
    return sum(os.path.getsize(path) for path in files_of(folder))


def tools(args, work, tree):
    """What each tool types: to begin, to back up, to check; and where it stores."""
    store, restic, rustic = (os.path.join(work, name) for name in ("store", "restic", "rustic"))
    ours = f'"{args.bin}" -q -C "{tree}"'
    full = "--full" if args.full else ""
    check = "backup-verify --all --no-record"
    blind = f'ATTESTAR_HOME="{work}/blind" {ours} {check} --trust "{work}/home/trust.toml" --first'
    all_tools = {
        "attestar, each file": (f'"{args.bin}" keys new --no-passphrase', f"{ours} backup {full}", f"{ours} {check}", store),
        "attestar, ciphertext": ("true", "true", blind, store),
        "cat": ("true", "true", f'cat "{store}"/archives/*.age > /dev/null', store),
    }
    if shutil.which("restic"):
        env = f'RESTIC_REPOSITORY="{restic}" RESTIC_PASSWORD=bench RESTIC_CACHE_DIR="{work}/cache" restic'
        all_tools["restic"] = (f"{env} init", f'cd "{tree}" && {env} backup .', f"{env} check --read-data --no-cache", restic)
    if shutil.which("rustic"):
        env = f'RUSTIC_REPOSITORY="{rustic}" RUSTIC_PASSWORD=bench RUSTIC_NO_CACHE=true RUSTIC_NO_PROGRESS=true rustic'
        all_tools["rustic"] = (f"{env} init", f'cd "{tree}" && {env} backup .', f"{env} check --read-data", rustic)
    return all_tools


def timed(command, env):
    """Wall and CPU time of a command, in seconds."""
    before, start = os.times(), time.perf_counter()
    shell(command, env)
    wall, after = time.perf_counter() - start, os.times()
    return wall, (after.children_user - before.children_user) + (after.children_system - before.children_system)


def main():
    """Measures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--corpus", default="release", choices=["small", "release", "big", "many"])
    parser.add_argument("--scale", type=float, default=0.1)
    parser.add_argument("--nights", type=int, default=30)
    parser.add_argument("--changed", type=int, default=3, help="percent of the files that are new each night")
    parser.add_argument("--full", action="store_true", help="attestar backs up everything every night")
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    work = tempfile.mkdtemp(prefix="attestar-verify-", dir="/dev/shm")
    try:
        tree = os.path.join(work, "tree")
        env = {**os.environ, "ATTESTAR_HOME": os.path.join(work, "home")}
        subprocess.run([sys.executable, "-B", os.path.join(HERE, "corpus.py"), args.corpus, tree, str(args.scale)], check=True)
        with open(os.path.join(tree, "attestar.toml"), "w", encoding="utf-8") as out:
            out.write(POLICY.replace("STORE", os.path.join(work, "store")))
        os.mkdir(os.path.join(work, "blind"))
        all_tools = tools(args, work, tree)
        for begin, _, _, _ in all_tools.values():
            shell(begin, env)
        shutil.copy(os.path.join(work, "home", "signing.key"), os.path.join(work, "blind", "signing.key"))
        for number in range(args.nights):
            night(tree, number, args.changed)
            for _, backup, _, _ in all_tools.values():
                shell(backup, env)
        best = {}
        for _ in range(args.runs):
            for name, (_, _, check, _) in all_tools.items():
                taken = timed(check, env)
                best[name] = min(best.get(name, taken), taken)
        ours = best["attestar, each file"][0]
        print(f"\ncheck of {args.nights} nights · {args.corpus}, {size_of(tree) / 2**20:.0f} MiB a night, best of {args.runs}")
        print(f"  {'':<22}{'seconds':>8}{'ratio':>8}{'CPU s':>8}{'stored MiB':>12}")
        for name, (wall, cpu) in best.items():
            stored = size_of(all_tools[name][3]) / 2**20
            print(f"  {name:<22}{wall:>8.2f}{wall / ours:>8.2f}{cpu:>8.2f}{stored:>12.1f}")
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
