"""Reads a file of /etc/cron.d: prints the user and the command of each line, parted by a tab. A schedule that no cron takes is
an error."""

import sys

from croniter import croniter

for line in open(sys.argv[1]):
    fields = line.split(maxsplit=6)
    if not fields or line.startswith("#") or "=" in fields[0]:
        continue
    schedule, user, command = " ".join(fields[:5]), fields[5], fields[6].rstrip("\n")
    assert croniter.is_valid(schedule), line
    print(f"{user}\t{command}")
