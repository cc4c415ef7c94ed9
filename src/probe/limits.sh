# What a program may use, whether or not it is shut off. Sourced before confined.sh and unconfined.sh.

# Limits this shell, and what it starts, to $1 KiB of memory of its own for each process and to files of $2 KiB; 0: no limit.
# And to a thousand processes more than there are: the kernel counts all of a user's, and none of root's.
limit() {
    [ "$1" = 0 ] || ulimit -d "$1"
    [ "$2" = 0 ] || ulimit -f "$(($2 * 2))"
    read -r _ _ _ running _ < /proc/loadavg
    processes=$((${running#*/} + 1024))
    # Shells do not agree on the letter; a lower limit that is there already stays.
    ulimit -u "$processes" 2> /dev/null || ulimit -p "$processes" 2> /dev/null || true
}
