# Runs a program within limits, where the system does not shut it off.
#
# Positional parameters:
#   1 ids     UID:GID that it runs as where root runs this; nothing: whoever runs this
#   2 memory  KiB of memory of its own for each process; 0: as much as there is
#   3 files   KiB of the largest file that it may write; 0: as large as it likes
#   then the program and its arguments
set -eu
ids=$1
limit "$2" "$3"
shift 3
if [ -z "$ids" ] || [ "$(id -u)" != 0 ]; then exec "$@"; fi
exec setpriv --reuid="${ids%:*}" --regid="${ids#*:}" --clear-groups --no-new-privs \
    --bounding-set=-all --inh-caps=-all -- "$@"
