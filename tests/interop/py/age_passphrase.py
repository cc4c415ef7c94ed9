"""Types a passphrase for stock age, which asks for it on a terminal and nowhere else.

usage: PASSPHRASE=… age_passphrase.py AGE-ARGUMENT…
"""

import os
import pty
import sys

passphrase = os.environ["PASSPHRASE"].encode() + b"\n"
child, terminal = pty.fork()
if child == 0:
    os.execvp("age", ["age", *sys.argv[1:]])

said, typed = b"", False
while True:
    try:
        chunk = os.read(terminal, 4096)
    except OSError:  # the terminal closes with the child
        break
    if not chunk:
        break
    said += chunk
    if not typed and b"passphrase" in said:
        os.write(terminal, passphrase)
        typed = True

status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
sys.stderr.buffer.write(said)
if status == 0 and not typed:
    sys.exit("age opened it without asking for a passphrase")
sys.exit(status)
