"""Runs attestar and its peers in turn over the same files in memory, and prints who took how long.

`tests/bench/run --help` lists the options; README.md says how to read the tables.
"""

import argparse
import json
import math
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from contenders import OURS, PEERS

HERE = os.path.dirname(os.path.abspath(__file__))
MIB = 1 << 20
CORPORA = ["small", "release", "big"]
JOBS = ["hash", "seal", "verify", "restore", "one"]
AGAIN = ["unchanged", "changed"]
GRAIN_S = 2.5  # longer than a clock counts: what is younger is read again
NOTE = "docs/note.md"


def options():
    """The command line."""
    names = [peer.name for peer in PEERS]
    parser = argparse.ArgumentParser(prog="tests/bench/run", description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", action="append", choices=CORPORA + ["million"], help="default: the first three")
    parser.add_argument("--job", action="append", choices=JOBS + AGAIN, help="default: the first five")
    parser.add_argument("--peers", default=",".join(names), metavar="LIST", help="default: %(default)s")
    parser.add_argument("--no-ours", action="store_true", help="the peers alone, nothing is built")
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="best of N (default 3)")
    parser.add_argument("--scale", type=float, default=1.0, metavar="X", help="smaller corpora, to try things out")
    parser.add_argument("--json", metavar="FILE", help="the same numbers for a program")
    parser.add_argument("--keep", action="store_true", help="leave corpora and archives in /dev/shm")
    parser.add_argument("--bin", metavar="FILE", help=argparse.SUPPRESS)
    args = parser.parse_args()
    chosen = [name for name in args.peers.split(",") if name]
    if unknown := set(chosen) - set(names):
        parser.error(f"no such peer: {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    args.contenders = [] if args.no_ours else [OURS]
    args.contenders += [peer for peer in PEERS if peer.name in chosen]
    for peer in args.contenders:
        for tool in peer.tools:
            if not shutil.which(tool):
                sys.exit(f"error: {tool} is not installed\nhint: install {peer.package}, or leave it out with --peers")
    return args


def footprint(path):
    """Files and bytes at `path`, which is a file or a folder."""
    if os.path.isfile(path):
        return 1, os.path.getsize(path)
    sizes = [os.lstat(os.path.join(at, name)).st_size for at, _, names in os.walk(path) for name in names]
    return len(sizes), sum(sizes)


class Stage:
    """One corpus, and a folder for each contender beside it."""

    def __init__(self, root, corpus, args):
        self.root, self.corpus, self.args = root, corpus, args
        self.source, self.out = os.path.join(root, corpus), os.path.join(root, "restored")
        script = os.path.join(HERE, "corpus.py")
        subprocess.run([sys.executable, "-B", script, corpus, self.source, str(args.scale)], check=True)
        self.files, self.bytes = footprint(self.source)

    def work(self, who):
        """The contender's own folder."""
        return os.path.join(self.root, f"{self.corpus}-{who.name}")

    def run(self, who, command):
        """Runs one command to its end: (seconds, CPU seconds, peak bytes). Its words go to a log."""
        work = self.work(who)
        os.makedirs(work, exist_ok=True)
        cpus = os.cpu_count() or 1
        env = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        env |= {name: value.format(work=work) for name, value in who.env.items()}
        env |= {"HOME": work, "TMPDIR": work, "CORPUS": self.source, "WORK": work, "OUT": self.out, "NOTE": NOTE}
        env |= {"BIN": self.args.bin or "", "POLICY": os.path.join(HERE, "policy.toml"), "CPUS": str(cpus)}
        env["BATCH"] = str(min(1000, math.ceil(self.files / (8 * cpus))))
        log = os.path.join(work, "log")
        with open(log, "wb") as words:
            start = time.perf_counter()
            child = subprocess.Popen(
                ["bash", "-euo", "pipefail", "-c", command],
                env=env, cwd=work, stdin=subprocess.DEVNULL, stdout=words, stderr=words, start_new_session=True,
            )
            try:
                _, status, usage = os.wait4(child.pid, 0)
            except BaseException:  # interrupted: nothing of the pipeline may stay
                os.killpg(child.pid, signal.SIGKILL)
                raise
            seconds = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            with open(log, encoding="utf-8", errors="replace") as words:
                raise RuntimeError(f"exit {child.returncode}: {command}\n{words.read()[-2000:].strip()}")
        return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024

    def once(self, who, job):
        """One measured run of a job, with everything before and after it that does not count."""
        if job == "seal":
            self.run(who, who.prepare)
        if job in ("restore", "one"):
            shutil.rmtree(self.out, ignore_errors=True)
            os.mkdir(self.out)
        measured = self.run(who, who.jobs[job])
        if job == "hash":
            for name in ("HASHES.sha256.txt", "HASHES.blake3.txt"):
                if os.path.exists(os.path.join(self.source, name)):
                    os.remove(os.path.join(self.source, name))
        if job in ("restore", "one"):
            wanted = (self.files, self.bytes) if job == "restore" else (1, 4096)
            found = footprint(self.out)
            shutil.rmtree(self.out)
            if found != wanted:
                raise RuntimeError(f"restored {found[0]} files, {found[1]} bytes, not {wanted[0]} and {wanted[1]}")
        return measured

    def compete(self, job):
        """All runs of one job, in turn, best of each: a row a contender, or the reason why there is none."""
        entered = [who for who in self.args.contenders if job in who.jobs]
        runs, failed = {who.name: [] for who in entered}, {}
        for _ in range(self.args.runs):
            for who in entered:
                if who.name in failed:
                    continue
                try:
                    if job in ("verify", "restore", "one") and not os.path.exists(self.archive(who)):
                        self.once(who, "seal")
                    runs[who.name].append(self.once(who, job))
                except RuntimeError as error:
                    failed[who.name] = str(error)
        return [self.row(job, who, runs[who.name], failed.get(who.name)) for who in entered]

    def compete_again(self, job):
        """A second backup of the same tree: as it was, or after one file of a hundred was written anew, for all alike."""
        entered = [who for who in self.args.contenders if job in who.jobs]
        runs, failed = {who.name: [] for who in entered}, {}

        def attempt(who, command):
            try:
                return self.run(who, command)
            except RuntimeError as error:
                failed[who.name] = str(error)

        time.sleep(GRAIN_S)
        for who in entered:
            attempt(who, who.fresh)
        for number in range(self.args.runs):
            if job == "changed":
                self.alter(number)
                time.sleep(GRAIN_S)
            for who in entered:
                if who.name not in failed and (measured := attempt(who, who.jobs[job])):
                    runs[who.name].append(measured)
        return [self.row(job, who, runs[who.name], failed.get(who.name)) for who in entered]

    def alter(self, number):
        """Writes every hundredth file anew: as long as it was, with other bytes at its start. Of `big`, one large file and then
        the other."""
        paths = sorted(os.path.join(at, name) for at, _, names in os.walk(self.source) for name in names)
        for path in paths[number % 2::100]:
            with open(path, "r+b") as file:
                file.write(f"changed in run {number}\n".encode())

    def archive(self, who):
        """Where the contender's archive or repository lies."""
        return os.path.join(self.work(who), who.archive)

    def row(self, job, who, runs, error):
        """The numbers of one contender in one job."""
        row = {"corpus": self.corpus, "job": job, "who": who.name}
        if error:
            return row | {"error": error}
        seconds, cpu, _ = min(runs)
        if job == "changed":  # each run has other files to take
            seconds, cpu = (statistics.mean(run[place] for run in runs) for place in (0, 1))
        row |= {"seconds": seconds, "all_seconds": [run[0] for run in runs], "cpu_seconds": cpu}
        row["peak_bytes"] = max(run[2] for run in runs)
        if job == "seal":
            row["archive_bytes"] = footprint(self.archive(who))[1]
        return row


def show(stage, job, rows):
    """One table. The ratio is how many times as long as attestar it took."""
    print(f"\n{job} · {stage.corpus}    {stage.files:,} files, {stage.bytes / MIB:,.1f} MiB")
    size = f"{'archive MiB':>12}" if job == "seal" else ""
    print(f"  {'':<10}{'seconds':>9}{'ratio':>8}{'CPU s':>8}{'peak MiB':>10}{size}")
    ours = next((row.get("seconds") for row in rows if row["who"] == OURS.name), None)
    for row in rows:
        if "error" in row:
            print(f"  {row['who']:<10}   failed   {row['error'].splitlines()[0][:60]}")
            continue
        row["ratio"] = row["seconds"] / ours if ours else None
        ratio = f"{row['ratio']:.2f}" if ours else "-"
        line = f"  {row['who']:<10}{row['seconds']:>9.3f}{ratio:>8}{row['cpu_seconds']:>8.2f}"
        line += f"{row['peak_bytes'] / MIB:>10.1f}"
        print(line + (f"{row['archive_bytes'] / MIB:>12.1f}" if job == "seal" else ""))
    sys.stdout.flush()


def main():
    """Every corpus, every job."""
    args = options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    rows = []
    root = tempfile.mkdtemp(prefix="attestar-bench-", dir="/dev/shm")
    try:
        for corpus in args.corpus or CORPORA:
            stage = Stage(root, corpus, args)
            for job in args.job or JOBS:
                results = stage.compete_again(job) if job in AGAIN else stage.compete(job)
                show(stage, job, results)
                rows += results
            if not args.keep:
                shutil.rmtree(root)
                os.mkdir(root)
    finally:
        if args.keep:
            print(f"\nkept {root}")
        else:
            shutil.rmtree(root, ignore_errors=True)
    if args.json:
        machine = {"cpus": os.cpu_count(), "system": platform.platform()}
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump({"scale": args.scale, "runs": args.runs, "machine": machine, "results": rows}, file, indent=1)
            file.write("\n")
    failures = [row for row in rows if "error" in row]
    for row in failures:
        print(f"\nerror: {row['who']}, {row['job']}, {row['corpus']}: {row['error']}", file=sys.stderr)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
