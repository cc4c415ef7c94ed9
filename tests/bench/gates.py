"""How long `attestar gate` takes with a gate of every kind that needs no store and no program, beside `attestar hash`.

    tests/bench/gates --corpus many --runs 5

The tree is a git checkout in which everything is committed, the HASHES manifest too, so that every gate passes: a run in
which one does not is an error. The two take turns, on the same files, in memory.
"""

import argparse
import datetime
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
VERSION = "1.0.0"

POLICY = """schema = 1
[project]
name = "bench"
[[include]]
class = "ddl"
paths = ["ddl/*.sql"]
dialect = "postgresql"
[[include]]
class = "artifact"
paths = ["dist/**"]
[[include]]
class = "doc"
paths = ["**"]
"""

# Kind, keys, and the evidence that makes it pass.
GATES = [
    ("version", "", {"VERSION": "1.0.0\n"}),
    ("tag", "annotated = false\nany_branch = true\n", {}),
    ("clean", "", {}),
    ("hashes", "", {}),
    ("secrets", "", {}),
    ("changelog", "", {"CHANGELOG.md": "# Changelog\n\n## [1.0.0] - 2026-01-02\n\n- All.\n"}),
    ("notes", 'file = "notes.md"\nheadings = ["Highlights"]\n', {"notes.md": "# 1.0.0\n\n## Highlights\n\nAll.\n"}),
    ("checklist", 'file = "ready.md"\n', {"ready.md": "- [x] tested\n"}),
    ("approvals", 'file = "approvals.md"\n', {"approvals.md": "## 1.0.0\n\n- Product: yes\n"}),
    ("window", 'windows = ["Mon-Sun 00:00-24:00"]\n', {}),
    ("fresh", 'files = ["fresh.json"]\npointer = "/at"\nmax_age = "7d"\n', {"fresh.json": '{"at": "NOW"}\n'}),
    ("junit", 'files = ["tests.xml"]\nmin_tests = 1\n', {"tests.xml": '<testsuite timestamp="2026-01-02T03:04:05Z" tests="1" failures="0"><testcase name="a"/></testsuite>\n'}),
    ("sarif", 'files = ["scan.sarif"]\nlevel = "error"\n', {"scan.sarif": '{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "t"}}, "results": []}]}\n'}),
    ("metric", 'file = "load.json"\npointer = "/p95"\nmax = 250\n', {"load.json": '{"p95": 120}\n'}),
    ("schema", 'schema = "a.schema.json"\ndocuments = ["a.json"]\n', {"a.schema.json": '{"type": "object"}\n', "a.json": "{}\n"}),
    ("docs", 'files = ["spec.md"]\n', {"spec.md": "---\nstatus: Final\n---\n# Spec\n\nAll.\n"}),
    ("incidents", 'files = ["INCIDENT-*.md"]\nmay_be_empty = true\n', {}),
    ("streak", 'files = ["tests.xml"]\nlast = 1\n', {}),
]


def git(tree, *args):
    """Runs git in the tree."""
    names = ["-c", "user.name=bench", "-c", "user.email=bench@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *names, *args], cwd=tree, check=True, stdout=subprocess.DEVNULL)


def prepare(args, tree, policy, env):
    """Corpus, evidence, manifest, commit, tag."""
    subprocess.run([sys.executable, "-B", os.path.join(HERE, "corpus.py"), args.corpus, tree, str(args.scale)], check=True)
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    text = POLICY
    for kind, keys, files in GATES:
        text += f'[[gate]]\nid = "{kind}"\ncheck = "{kind}"\n{keys}'
        for name, content in files.items():
            with open(os.path.join(tree, name), "w", encoding="utf-8") as out:
                out.write(content.replace("NOW", now))
    with open(policy, "w", encoding="utf-8") as out:
        out.write(text)
    subprocess.run([args.bin, "-C", tree, "--policy", policy, "hash"], env=env, check=True, stdout=subprocess.DEVNULL)
    git(tree, "init", "-q", "-b", "main")
    git(tree, "add", ".")
    git(tree, "commit", "-q", "-m", "all")
    git(tree, "tag", f"v{VERSION}")


def run(command, env):
    """Wall time and CPU time of one run, in seconds, and what it said."""
    before, start = os.times(), time.perf_counter()
    done = subprocess.run(command, env=env, check=False, stdout=subprocess.PIPE, text=True)
    wall, after = time.perf_counter() - start, os.times()
    cpu = (after.children_user - before.children_user) + (after.children_system - before.children_system)
    if done.returncode != 0:
        sys.exit(f"error: exit {done.returncode}: {' '.join(command)}\n{done.stdout}")
    return wall, cpu, done.stdout


def main():
    """Measures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--corpus", default="many", choices=["small", "release", "big", "many"])
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=[], help="only these gates, to see what each costs")
    args = parser.parse_args()
    work = tempfile.mkdtemp(prefix="attestar-gates-", dir="/dev/shm")
    try:
        tree, policy = os.path.join(work, "tree"), os.path.join(work, "policy.toml")
        env = {**os.environ, "ATTESTAR_HOME": os.path.join(work, "home")}
        prepare(args, tree, policy, env)
        ours = [args.bin, "-C", tree, "--policy", policy]
        only = [flag for name in args.only for flag in ("--only", name)]
        jobs = {"hash": [*ours, "hash"], "gate": [*ours, "gate", "--json", *only]}
        best = {}
        for _ in range(args.runs):
            for name, command in jobs.items():
                wall, cpu, said = run(command, env)
                if wall < best.get(name, (wall + 1,))[0]:
                    best[name] = (wall, cpu)
                if name == "gate" and any(gate["status"] != "passed" for gate in json.loads(said)["gates"]):
                    sys.exit(f"error: a gate did not pass\n{said}")
        gates = len(args.only) or len(GATES)
        print(f"\ngates · {args.corpus}, {gates} of them, best of {args.runs}\n  {'':<8}{'seconds':>8}{'CPU s':>8}{'of hash':>9}")
        for name, (wall, cpu) in best.items():
            print(f"  {name:<8}{wall:>8.2f}{cpu:>8.2f}{wall / best['hash'][0]:>9.2f}")
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
