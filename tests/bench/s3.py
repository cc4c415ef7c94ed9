"""How long a backup into a bucket, its verification, and the restore of one file out of it take, beside rustic on the same server;
and how many requests each sends.

    tests/bench/s3 --corpus release --runs 5

The server is s3s-fs, on loopback, with its files in memory. Seconds and requests are counted in runs of their own: the
requests go through a proxy that counts them and is not fast.
"""

import argparse
import collections
import http.client
import http.server
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

from bench import CORPORA, MIB, Stage
from contenders import Contender

HERE = os.path.dirname(os.path.abspath(__file__))
BUCKET = "bench"
# TEST ONLY: what the server is told to expect.
KEY, SECRET = "TESTONLYID", "TESTONLYSECRET"
JOBS = ["put", "unchanged", "verify", "one"]

NAME = """$(grep -o '"archive_name": *"[^"]*"\\|"name": *"[^"]*"' "$WORK/made.json" | head -1 | cut -d'"' -f4)"""
STORE = f"--store s3://{BUCKET}/attestar --state \"$WORK/state\""
TRUST = '--trust "$WORK/home/trust.toml" --identity "$WORK/home/identity.age"'
BACKUP = f'"$BIN" -C "$CORPUS" --policy "$POLICY" --json backup {STORE}'
FRESH = 'rm -rf "$SERVED/{bucket}" "$WORK/state" && mkdir "$SERVED/{bucket}"'.format(bucket=BUCKET)


def contenders(port, served):
    """Who runs, with the server's address."""
    cloud = {
        "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "SERVED": served,
    }
    ours = Contender(
        name="attestar", package="", tools=[], env=cloud | {"ATTESTAR_HOME": "{work}/home"},
        prepare=FRESH + ' && { [ -d "$WORK/home" ] || "$BIN" keys new --no-passphrase; }',
        jobs={
            "put": f'{BACKUP} > "$WORK/made.json"',
            "unchanged": BACKUP,
            "verify": f'"$BIN" verify "{NAME}" {STORE} {TRUST}',
            "one": f'"$BIN" restore "{NAME}" {STORE} {TRUST} --to "$OUT" --path "$NOTE"',
        },
    )
    restic = Contender(
        name="restic", package="restic", tools=["restic"],
        env=cloud | {
            "RESTIC_REPOSITORY": f"s3:http://127.0.0.1:{port}/{BUCKET}/restic",
            "RESTIC_PASSWORD": "bench", "RESTIC_CACHE_DIR": "{work}/cache",
        },
        prepare=FRESH + ' && rm -rf "$WORK/cache" && restic init',
        jobs={
            "put": 'cd "$CORPUS" && restic backup .',
            "unchanged": 'cd "$CORPUS" && restic backup .',
            "verify": "restic check --read-data",
            "one": 'mkdir -p "$OUT/docs" && restic dump latest "/$NOTE" > "$OUT/$NOTE"',
        },
    )
    rustic = Contender(
        name="rustic", package="rustic-rs, from cargo", tools=["rustic"],
        env=cloud | {
            "RUSTIC_REPOSITORY": "opendal:s3", "RUSTIC_PASSWORD": "bench", "RUSTIC_NO_PROGRESS": "true",
            "RUSTIC_CACHE_DIR": "{work}/cache", "OPENDAL_BUCKET": BUCKET, "OPENDAL_ROOT": "rustic",
            "OPENDAL_ENDPOINT": f"http://127.0.0.1:{port}", "OPENDAL_REGION": "us-east-1",
            "OPENDAL_ACCESS_KEY_ID": KEY, "OPENDAL_SECRET_ACCESS_KEY": SECRET,
        },
        prepare=FRESH + ' && rm -rf "$WORK/cache" && rustic init',
        jobs={
            "put": 'cd "$CORPUS" && rustic backup .',
            "unchanged": 'cd "$CORPUS" && rustic backup .',
            "verify": "rustic check --read-data",
            "one": 'mkdir -p "$OUT/docs" && rustic dump "latest:$NOTE" > "$OUT/$NOTE"',
        },
    )
    return [ours, restic, rustic]


class Counting(http.server.BaseHTTPRequestHandler):
    """Hands every request on, and counts it by its method."""

    protocol_version = "HTTP/1.1"
    server_port, counts, guard = 0, collections.Counter(), threading.Lock()

    def handle_any(self):
        with Counting.guard:
            Counting.counts[self.command] += 1
        body = self.body()
        to = http.client.HTTPConnection("127.0.0.1", Counting.server_port)
        to.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in ("connection", "transfer-encoding"):
                to.putheader(name, value)
        if "chunked" in self.headers.get("Transfer-Encoding", "") and "Content-Length" not in self.headers:
            to.putheader("Content-Length", str(len(body)))
        to.endheaders(body or None)
        answer = to.getresponse()
        content = answer.read()
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                self.send_header(name, value)
        length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(content))
        if length is not None:
            self.send_header("Content-Length", length)
        self.end_headers()
        self.wfile.write(content)
        to.close()

    def body(self):
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            whole = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                whole += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return whole
        if self.headers.get("Expect", "").lower() == "100-continue":
            pass  # already answered by the base class
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_any

    def log_message(self, *_):
        """Nothing is logged."""


def free_port():
    """A port that is free now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def serve(program, root):
    """Starts the server; gives its process and port."""
    port = free_port()
    arguments = [program, "--host", "127.0.0.1", "--port", str(port), "--access-key", KEY, "--secret-key", SECRET, root]
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return process, port
        except OSError:
            time.sleep(0.05)
    process.kill()
    sys.exit("error: the server does not answer")


def compete(stage, who, args):
    """The best of each job's runs, in seconds."""
    best = {}
    for _ in range(args.runs):
        for job in JOBS:
            if job == "put":
                stage.run(who, who.prepare)
            if job == "one":
                shutil.rmtree(stage.out, ignore_errors=True)
                os.mkdir(stage.out)
            seconds, _, peak = stage.run(who, who.jobs[job])
            if job == "one" and os.path.getsize(os.path.join(stage.out, "docs/note.md")) != 4096:
                raise RuntimeError("the file did not come back")
            was = best.get(job, (seconds, peak))
            best[job] = (min(was[0], seconds), max(was[1], peak))
    return best


def requests(stage, who):
    """The requests of each job, by method."""
    counted = {}
    for job in JOBS:
        if job == "put":
            stage.run(who, who.prepare)
        if job == "one":
            shutil.rmtree(stage.out, ignore_errors=True)
            os.mkdir(stage.out)
        Counting.counts.clear()
        stage.run(who, who.jobs[job])
        counted[job] = dict(Counting.counts)
    return counted


def main():
    """Both passes over every corpus, and a table of each."""
    parser = argparse.ArgumentParser(prog="tests/bench/s3", description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", action="append", choices=CORPORA, help="default: release")
    parser.add_argument("--peers", default="rustic", metavar="LIST", help="default: %(default)s; restic does not find its own packs on this server")
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="best of N (default 3)")
    parser.add_argument("--scale", type=float, default=1.0, metavar="X", help="smaller corpora, to try things out")
    parser.add_argument("--bin", metavar="FILE", help=argparse.SUPPRESS)
    parser.add_argument("--server", default=os.path.join(HERE, "../../.judges/bin/s3s-fs"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    root = tempfile.mkdtemp(prefix="attestar-bench-", dir="/dev/shm")
    served = os.path.join(root, "served")
    os.mkdir(served)
    server, port = serve(args.server, served)
    Counting.server_port = port
    proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Counting)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    chosen = ["attestar"] + args.peers.split(",")
    failed = False
    try:
        for corpus in args.corpus or ["release"]:
            stage = Stage(root, corpus, args)
            print(f"\n{corpus}    {stage.files:,} files, {stage.bytes / MIB:,.1f} MiB, best of {args.runs}")
            print(f"  {'':<10}{'job':<11}{'seconds':>9}{'ratio':>8}{'peak MiB':>10}   requests")
            ours = {}
            for fast, slow in zip(contenders(port, served), contenders(proxy.server_port, served)):
                if fast.name not in chosen:
                    continue
                try:
                    best, counted = compete(stage, fast, args), requests(stage, slow)
                except RuntimeError as error:
                    failed = True
                    print(f"  {fast.name:<10}failed: {error}")
                    continue
                ours = ours or best
                for job in JOBS:
                    seconds, peak = best[job]
                    sent = ", ".join(f"{count} {method}" for method, count in sorted(counted[job].items()))
                    total = sum(counted[job].values())
                    ratio = seconds / ours[job][0]
                    print(f"  {fast.name:<10}{job:<11}{seconds:>9.3f}{ratio:>8.2f}{peak / MIB:>10.1f}   {total}: {sent}", flush=True)
            shutil.rmtree(stage.source)
    finally:
        proxy.shutdown()
        server.kill()
        server.wait()
        shutil.rmtree(root, ignore_errors=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
