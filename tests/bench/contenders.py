"""Who runs in the bench, and what each of them types. Plain bash; the variables are set by bench.py:

CORPUS  the folder that is read             CPUS   processors of the machine
WORK    the contender's own folder          BATCH  files a process, so that xargs keeps every processor busy
OUT     an empty folder to restore into     NOTE   the small file that the job `one` asks for
BIN     the attestar that was built         POLICY the policy of the bench
"""

from dataclasses import dataclass, field


@dataclass
class Contender:
    """One program or pipeline. `jobs` maps a job to its command; `prepare` makes the stage for `seal`, `fresh` the first
    of two backups for `unchanged` and `changed`; both unmeasured."""

    name: str
    package: str
    tools: list
    jobs: dict
    prepare: str = "true"
    fresh: str = ""
    archive: str = ""
    env: dict = field(default_factory=dict)


TRUST = '--key "$WORK/home/signing.pub" --identity "$WORK/home/identity.age"'
SEALED = '"$WORK/out/bench-1.tar.zst.age"'
BACKUP = '"$BIN" -C "$CORPUS" --policy "$POLICY" --json backup --store "$WORK/store" --state "$WORK/state" > "$WORK/said"'

OURS = Contender(
    name="attestar",
    package="",
    tools=[],
    env={"ATTESTAR_HOME": "{work}/home"},
    prepare='rm -rf "$WORK"/out && { [ -d "$WORK/home" ] || "$BIN" keys new --no-passphrase; }',
    fresh=f'rm -rf "$WORK" && mkdir "$WORK" && "$BIN" keys new --no-passphrase && {BACKUP}',
    archive="out/bench-1.tar.zst.age",
    jobs={
        "hash": '"$BIN" -C "$CORPUS" --policy "$POLICY" hash',
        "seal": '"$BIN" -C "$CORPUS" --policy "$POLICY" seal --version 1 --out "$WORK/out"',
        "verify": f'"$BIN" verify {SEALED} {TRUST}',
        "restore": f'"$BIN" restore {SEALED} {TRUST} --to "$OUT"',
        "one": f'"$BIN" restore {SEALED} {TRUST} --to "$OUT" --path "$NOTE"',
        "unchanged": f'{BACKUP} && grep -q \'"result": *"unchanged"\' "$WORK/said"',
        "changed": f'{BACKUP} && grep -q \'"result": *"incremental"\' "$WORK/said"',
    },
)

FILES = 'cd "$CORPUS" && find . -type f -print0 | xargs -0 -P "$CPUS" -n "$BATCH"'

PEERS = [
    Contender("openssl", "openssl", ["openssl"], {"hash": f'{FILES} openssl sha256 > "$WORK/hashes"'}),
    Contender("sha256sum", "coreutils", ["sha256sum"], {"hash": f'{FILES} sha256sum > "$WORK/hashes"'}),
    Contender(
        "hashdeep",
        "hashdeep",
        ["hashdeep"],
        {"hash": 'cd "$CORPUS" && hashdeep -c sha256 -j "$CPUS" -l -r . > "$WORK/hashes"'},
    ),
    Contender(
        name="stock",
        package="age zstd tar",
        tools=["age", "zstd", "tar"],
        prepare='[ -f "$WORK/key" ] || age-keygen -o "$WORK/key"; age-keygen -y "$WORK/key" > "$WORK/recipient"',
        fresh='mkdir -p "$WORK" && age-keygen -o "$WORK/key" && age-keygen -y "$WORK/key" > "$WORK/recipient" && touch "$WORK/last"',
        archive="a.tar.zst.age",
        jobs={
            # What changed, whole and without a digest of anything: less than a night of attestar's has to do.
            "changed": 'cd "$CORPUS" && find . -type f -newer "$WORK/last" -print0 | tar -c --null -T - | zstd -q -T"$CPUS" -3'
            ' | age -R "$WORK/recipient" > "$WORK/a.tar.zst.age" && touch "$WORK/last"',
            "seal": 'tar -C "$CORPUS" -c . | zstd -q -T"$CPUS" -3 | age -R "$WORK/recipient" > "$WORK/a.tar.zst.age"',
            "restore": 'age -d -i "$WORK/key" "$WORK/a.tar.zst.age" | zstd -q -d | tar -x -C "$OUT"',
            "one": 'age -d -i "$WORK/key" "$WORK/a.tar.zst.age" | zstd -q -d | tar -x -C "$OUT" "./$NOTE"',
        },
    ),
    Contender(
        name="rustic",
        package="rustic-rs, from cargo",
        tools=["rustic"],
        env={
            "RUSTIC_REPOSITORY": "{work}/repo",
            "RUSTIC_PASSWORD": "bench",
            "RUSTIC_NO_CACHE": "true",
            "RUSTIC_NO_PROGRESS": "true",
        },
        prepare='rm -rf "$WORK/repo" && rustic init',
        fresh='rm -rf "$WORK/repo" "$WORK/.cache" && unset RUSTIC_NO_CACHE && rustic init && cd "$CORPUS" && rustic backup .',
        archive="repo",
        jobs={
            "unchanged": 'unset RUSTIC_NO_CACHE && cd "$CORPUS" && rustic backup .',
            "changed": 'unset RUSTIC_NO_CACHE && cd "$CORPUS" && rustic backup .',
            "seal": 'cd "$CORPUS" && rustic backup .',
            "verify": "rustic check --read-data",
            "restore": 'rustic restore latest "$OUT"',
            "one": 'mkdir -p "$OUT/docs" && rustic dump "latest:$NOTE" > "$OUT/$NOTE"',
        },
    ),
    Contender(
        name="restic",
        package="restic",
        tools=["restic"],
        env={
            "RESTIC_REPOSITORY": "{work}/repo",
            "RESTIC_PASSWORD": "bench",
            "RESTIC_CACHE_DIR": "{work}/cache",
        },
        prepare='rm -rf "$WORK/repo" "$WORK/cache" && restic init',
        fresh='rm -rf "$WORK/repo" "$WORK/cache" && restic init && cd "$CORPUS" && restic backup .',
        archive="repo",
        jobs={
            "unchanged": 'cd "$CORPUS" && restic backup .',
            "changed": 'cd "$CORPUS" && restic backup .',
            "seal": 'cd "$CORPUS" && restic backup .',
            "verify": "restic check --read-data",
            "restore": 'restic restore latest --target "$OUT"',
            "one": 'mkdir -p "$OUT/docs" && restic dump latest "/$NOTE" > "$OUT/$NOTE"',
        },
    ),
    Contender(
        name="borg",
        package="borgbackup",
        tools=["borg"],
        env={"BORG_REPO": "{work}/repo", "BORG_PASSPHRASE": "bench", "BORG_BASE_DIR": "{work}/base"},
        prepare='rm -rf "$WORK/repo" "$WORK/base" && borg init -e repokey',
        fresh='rm -rf "$WORK/repo" "$WORK/base" && borg init -e repokey && cd "$CORPUS" && borg create ::first .',
        archive="repo",
        jobs={
            "unchanged": 'cd "$CORPUS" && borg create "::again-$RANDOM-$RANDOM" .',
            "changed": 'cd "$CORPUS" && borg create "::again-$RANDOM-$RANDOM" .',
            "seal": 'cd "$CORPUS" && borg create ::a .',
            "verify": "borg check --verify-data",
            "restore": 'cd "$OUT" && borg extract ::a',
            "one": 'cd "$OUT" && borg extract ::a "$NOTE"',
        },
    ),
]
