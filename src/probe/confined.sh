# Runs a program that sees this system, but cannot change it: every file system lies beneath a layer that takes what is
# written, there is no network, and some paths are empty. What landed in the layer, outside of the program's own folders,
# is listed in $note/outside, one path a line. $note/ready appears just before the program runs.
#
# Without root the kernel takes no layer over everything: there all is read only instead, so that what is written outside
# fails for the program, and nothing is listed.
#
# Started by unshare(1) in mount, network and process namespaces of its own. Positional parameters:
#   1 note    a folder for the layers and the list, of this run alone
#   2 work    the folder that the program may write to for good
#   3 here    where it runs; what it writes here is dropped, and no fault
#   4 hidden  paths that are empty for it, one a line
#   5 ids     UID:GID that it runs as; nothing: whoever runs this
#   6 memory  KiB of memory of its own for each process; 0: as much as there is
#   7 files   KiB of the largest file that it may write; 0: as large as it likes
#   8 mapped  1: in a user namespace
#   9 door    the socket of a server that it may talk to; nothing: none
#   then the program and its arguments
set -eu
# chroot and pivot_root lie where cron does not look.
PATH=${PATH:-/usr/bin:/bin}:/usr/sbin:/sbin
note=$1 work=$2 here=$3 hidden=$4 ids=$5 memory=$6 files=$7 mapped=$8 door=$9
shift 9
fs=$note/fs
new=$fs/new
count=0
options=
[ "$mapped" = 1 ] && options=,userxattr

# What is written outside lies in memory: not more of it than the program may have, nor than half of all.
room=$(while read -r name kib unit; do [ "$name" != MemTotal: ] || echo $((kib / 2)); done < /proc/meminfo)
[ "$memory" = 0 ] || [ "$memory" -ge "$room" ] || room=$memory

# Puts a layer over the file system that is mounted at $1.
layer() {
    count=$((count + 1))
    mkdir "$fs/up$count" "$fs/work$count"
    mount -t overlay -o "lowerdir=$1,upperdir=$fs/up$count,workdir=$fs/work$count$options" attestar "$new$1"
    printf '%s\n' "$1" > "$fs/at$count"
}

# The same for what is mounted below; what takes no layer can be read only.
below() {
    case $1 in
        / | /proc | /proc/* | /sys | /sys/* | /dev | /dev/* | *[:,\\]* | "$note" | "$note"/*) return 0 ;;
    esac
    [ -d "$1" ] && [ -d "$new$1" ] || return 0
    layer "$1" 2> /dev/null && return 0
    rm -rf "$fs/up$count" "$fs/at$count"
    mount --bind "$1" "$new$1" && mount -o remount,bind,ro "$new$1"
}

# Makes read only what is mounted at $1.
frozen() {
    case $1 in
        /proc | /proc/* | /sys | /sys/* | /dev | /dev/* | "$note" | "$note"/*) return 0 ;;
    esac
    [ ! -d "$new$1" ] || mount -o remount,bind,ro "$new$1"
}

# A handful of devices, and no disk.
devices() {
    mount -t tmpfs -o "mode=0755,size=${room}k" attestar "$new/dev"
    for device in null zero full random urandom; do
        : > "$new/dev/$device"
        mount --bind "/dev/$device" "$new/dev/$device"
    done
    mkdir -m 1777 "$new/dev/shm"
    ln -s /proc/self/fd "$new/dev/fd"
    ln -s /proc/self/fd/0 "$new/dev/stdin"
    ln -s /proc/self/fd/1 "$new/dev/stdout"
    ln -s /proc/self/fd/2 "$new/dev/stderr"
}

hide() {
    [ -e "$new$1" ] || return 0
    if [ -d "$new$1" ]; then
        mount -t tmpfs -o mode=0755,size=64k attestar "$new$1"
    else
        mount --bind /dev/null "$new$1"
    fi
}

# A path that landed in a layer: whether the program had to leave it alone.
foreign() {
    case $1 in
        "$work" | "$work"/* | "$here" | "$here"/*) return 1 ;;
    esac
    # Folders come along with what is in them; one that was there is no fault.
    if [ -d "$2" ] && [ ! -L "$2" ] && [ -d "$1" ]; then return 1; fi
    return 0
}

list() {
    # Whatever still runs in here would write after it was looked.
    [ "$$" != 1 ] || kill -s KILL -- -1 2> /dev/null
    for at in "$fs"/at*; do
        up=$fs/up${at#"$fs/at"}
        root=$(cat "$at")
        [ "$root" = / ] && root=
        find "$up" -mindepth 1 -print | while IFS= read -r found; do
            path=$root${found#"$up"}
            if foreign "$path" "$found"; then printf '%s\n' "$path"; fi
        done
    done | head -n 100 > "$note/outside.part"
    # A list that is there is whole.
    mv "$note/outside.part" "$note/outside"
}

mount --make-rprivate /
mkdir -p "$fs"
mounts=$(cut -d ' ' -f 2 /proc/self/mounts)
mount -t tmpfs -o "mode=0755,size=${room}k" attestar "$fs"
mkdir "$new"
printf '%s\n' "$mounts" | while IFS= read -r at; do printf '%b\n' "$at"; done > "$fs/mounts"
if [ "$mapped" = 1 ]; then
    mount --rbind / "$new"
    while IFS= read -r at; do frozen "$at"; done < "$fs/mounts"
    layer "$here"
else
    layer /
    while IFS= read -r at; do below "$at"; done < "$fs/mounts"
fi
devices
mount -t proc proc "$new/proc" 2> /dev/null || mount --rbind /proc "$new/proc"
# Root's own number suffices to change the kernel's settings there, without any right of root.
for path in sys sysrq-trigger irq bus fs; do
    [ -e "$new/proc/$path" ] || continue
    { mount --bind "$new/proc/$path" "$new/proc/$path" && mount -o remount,bind,ro "$new/proc/$path"; } 2> /dev/null \
        || [ "$mapped" = 1 ]
done
printf '%s\n' "$hidden" | while IFS= read -r path; do [ -z "$path" ] || hide "$path"; done
# Through a layer a socket is not found.
[ -z "$door" ] || [ "$mapped" = 1 ] || mount --bind "$door" "$new$door"
mkdir -p "$new$work"
mount --bind "$work" "$new$work"
[ "$memory" = 0 ] || ulimit -d "$memory"
[ "$files" = 0 ] || ulimit -f "$((files * 2))"
: > "$note/ready"
set +e
if [ -z "$ids" ]; then
    # Root reads what it restored for others, and does nothing else that only root may.
    chroot "$new" setpriv --no-new-privs --bounding-set=-all,+dac_override,+dac_read_search --inh-caps=-all -- \
        sh -c 'cd "$0" && exec "$@"' "$here" "$@"
elif [ "$mapped" = 1 ]; then
    # The kernel makes no user namespace for who is in a changed root; a new root it is, then.
    cd "$new" && pivot_root . . && umount -l . && unshare --user --map-user="${ids%:*}" --map-group="${ids#*:}" -- \
        sh -c 'cd "$0" && exec "$@"' "$here" "$@"
else
    chroot "$new" setpriv --reuid="${ids%:*}" --regid="${ids#*:}" --clear-groups --no-new-privs \
        --bounding-set=-all --inh-caps=-all -- sh -c 'cd "$0" && exec "$@"' "$here" "$@"
fi
code=$?
[ "$mapped" = 1 ] || list
exit "$code"
