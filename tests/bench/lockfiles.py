"""Writes lockfiles of many packages, the same bytes each time: for measuring, not for proving anything.

usage: lockfiles.py DIR PACKAGES      DIR/cargo, DIR/npm, DIR/pnpm and DIR/uv get a lockfile each
"""

import base64
import hashlib
import json
import os
import random
import sys

NEEDS_MAX = 6  # how many others a package needs


def graph(rng, packages):
    """(name, version, indices of what it needs): each needs only later ones, as real graphs mostly do."""
    for number in range(packages):
        later = range(number + 1, min(packages, number + 400))
        needs = sorted(rng.sample(later, min(len(later), rng.randint(0, NEEDS_MAX))))
        yield f"package-{number:05}", f"{rng.randint(0, 9)}.{rng.randint(0, 30)}.{rng.randint(0, 30)}", needs


def sha256(name):
    """Some digest, in hex."""
    return hashlib.sha256(name.encode()).hexdigest()


def integrity(name):
    """Some digest, as npm writes it."""
    return "sha512-" + base64.b64encode(hashlib.sha512(name.encode()).digest()).decode()


def cargo(nodes):
    """Cargo.lock, version 4."""
    yield "version = 4\n"
    roots = [("app", "1.0.0", list(range(min(100, len(nodes)))))]
    for name, version, needs in roots + nodes:
        yield f'\n[[package]]\nname = "{name}"\nversion = "{version}"\n'
        if name != "app":
            yield 'source = "registry+https://registry.example/index"\n'
            yield f'checksum = "{sha256(name)}"\n'
        if needs:
            yield "dependencies = [\n" + "".join(f' "{nodes[need][0]}",\n' for need in needs) + "]\n"


def npm(nodes):
    """package-lock.json, version 3."""
    wants = {nodes[at][0]: nodes[at][1] for at in range(min(100, len(nodes)))}
    packages = {"": {"name": "app", "version": "1.0.0", "dependencies": wants}}
    for name, version, needs in nodes:
        entry = {"version": version, "resolved": f"https://registry.example/{name}/-/{name}-{version}.tgz"}
        entry |= {"integrity": integrity(name), "license": "MIT"}
        if needs:
            entry["dependencies"] = {nodes[need][0]: f"^{nodes[need][1]}" for need in needs}
        packages[f"node_modules/{name}"] = entry
    lock = {"name": "app", "version": "1.0.0", "lockfileVersion": 3, "requires": True, "packages": packages}
    yield json.dumps(lock, indent=2) + "\n"


def pnpm(nodes):
    """pnpm-lock.yaml, version 9.0."""
    yield "lockfileVersion: '9.0'\n\nimporters:\n\n  .:\n    dependencies:\n"
    for name, version, _ in nodes[:100]:
        yield f"      {name}:\n        specifier: ^{version}\n        version: {version}\n"
    yield "\npackages:\n"
    for name, version, _ in nodes:
        yield f"\n  {name}@{version}:\n    resolution: {{integrity: {integrity(name)}}}\n"
    yield "\nsnapshots:\n"
    for name, version, needs in nodes:
        if not needs:
            yield f"\n  {name}@{version}: {{}}\n"
            continue
        yield f"\n  {name}@{version}:\n    dependencies:\n"
        yield from (f"      {nodes[need][0]}: {nodes[need][1]}\n" for need in needs)


def uv(nodes):
    """uv.lock, version 1."""
    yield 'version = 1\nrevision = 2\nrequires-python = ">=3.11"\n'
    yield '\n[[package]]\nname = "app"\nversion = "1.0.0"\nsource = { virtual = "." }\ndependencies = [\n'
    yield from (f'    {{ name = "{name}" }},\n' for name, _, _ in nodes[:100])
    yield "]\n"
    for name, version, needs in nodes:
        url = f"https://registry.example/{name}-{version}.tar.gz"
        yield f'\n[[package]]\nname = "{name}"\nversion = "{version}"\n'
        yield 'source = { registry = "https://registry.example/simple" }\n'
        if needs:
            lines = "".join(f'    {{ name = "{nodes[need][0]}" }},\n' for need in needs)
            yield f"dependencies = [\n{lines}]\n"
        yield f'sdist = {{ url = "{url}", hash = "sha256:{sha256(name)}", size = 1000 }}\n'


WRITERS = {
    "cargo": ("Cargo.lock", cargo),
    "npm": ("package-lock.json", npm),
    "pnpm": ("pnpm-lock.yaml", pnpm),
    "uv": ("uv.lock", uv),
}


def main():
    """Writes them all."""
    folder, packages = sys.argv[1], int(sys.argv[2])
    nodes = list(graph(random.Random("attestar bench, lockfiles"), packages))
    for name, (file, write) in WRITERS.items():
        os.makedirs(os.path.join(folder, name), exist_ok=True)
        with open(os.path.join(folder, name, file), "w", encoding="utf-8") as out:
            out.writelines(write(nodes))


if __name__ == "__main__":
    main()
