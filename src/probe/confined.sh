# Runs a program that sees this system, but cannot change it: every file system lies beneath a layer that takes what is
# written, there is no network, and some paths are empty. What landed in the layer, outside of the program's own folders,
# is listed in $note/outside, one path a line. $note/ready appears just before the program runs.
#
# Without root the kernel takes no layer over everything: there all is read only instead, so that what is written outside
# fails for the program, and nothing is listed. Sockets are found there, as they are not through a layer: where they lie,
# all is empty but for what the program needs.
#
# Started by unshare(1) in mount, network and process namespaces of its own. Positional parameters:
#   1 note    a folder for the layers and the list, of this run alone; in it lies `hidden`, paths that are empty for the
#             program, one a line, as `printf %b` reads them
#   2 work    the folder that the program may write to for good
#   3 here    where it runs; what it writes here is dropped, and no fault
#   4 shown   folders that it reads, wherever they lie, one a line
#   5 ids     UID:GID that it runs as; nothing: whoever runs this
#   6 memory  KiB of memory of its own for each process; 0: as much as there is
#   7 files   KiB of the largest file that it may write; 0: as large as it likes
#   8 mapped  1: in a user namespace
#   9 door    the socket of a server that it may talk to; nothing: none
#   then the program and its arguments
set -eu
# chroot and pivot_root lie where cron does not look.
PATH=${PATH:-/usr/bin:/bin}:/usr/sbin:/sbin
# Other users pass through the layers, whatever mode files get by themselves outside.
umask 022
note=$1 work=$2 here=$3 shown=$4 ids=$5 memory=$6 files=$7 mapped=$8 door=$9
shift 9
fs=$note/fs
new=$fs/new
count=0
emptied=
options=
[ "$mapped" = 1 ] && options=,userxattr

# What is written outside lies in memory: not more of it than the program may have, nor than half of all.
room=$(while read -r name kib unit; do [ "$name" != MemTotal: ] || echo $((kib / 2)); done < /proc/meminfo)
[ "$memory" = 0 ] || [ "$memory" -ge "$room" ] || room=$memory

# Puts a layer over the file system that is mounted at $1. Where this is asked in a condition the shell ends at no error.
layer() {
    count=$((count + 1))
    mkdir "$fs/up$count" "$fs/work$count" "$fs/whole$count" || return 1
    mount -t overlay -o "lowerdir=$1,upperdir=$fs/up$count,workdir=$fs/work$count$options" attestar "$new$1" || return 1
    printf '%s\n' "$1" > "$fs/at$count"
}

# Shows $1 as it is, but read only.
show() {
    mkdir -p "$new$1" || return 1
    mount --bind "$1" "$new$1" || return 1
    mount -o remount,bind,ro "$new$1"
}

# The same for what is mounted below; what takes no layer can be read only.
below() {
    case $1 in
        / | /proc | /proc/* | /sys | /sys/* | /dev | /dev/* | *[:,\\]* | "$note" | "$note"/*) return 0 ;;
    esac
    [ -d "$1" ] && [ -d "$new$1" ] || return 0
    layer "$1" 2> /dev/null && return 0
    rm -rf "$fs/up$count" "$fs/at$count"
    show "$1"
}

# Makes read only what is mounted at $1; processes and devices get mounts of their own.
frozen() {
    case $1 in
        /proc | /proc/* | /dev | /dev/* | "$note" | "$note"/*) return 0 ;;
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

# Lets the program through to the one socket.
open() {
    [ -e "$new$door" ] || { mkdir -p "$new${door%/*}" && : > "$new$door"; }
    mount --bind "$door" "$new$door"
}

# Nothing more is put where all was emptied.
close() {
    for at in $emptied; do mount -o remount,bind,ro "$new$at"; done
}

# Root's processes are not counted by user; newer kernels count those of a namespace (an older one would take this number
# for all of the system's).
few() {
    kernel=$(uname -r)
    minor=${kernel#*.}
    minor=${minor%%[!0-9]*}
    [ "${kernel%%.*}" -gt 6 ] || { [ "${kernel%%.*}" = 6 ] && [ "$minor" -ge 14 ]; } || return 0
    echo 1024 > /proc/sys/kernel/pid_max
}

# Shows $1 in the place of $2; where all else is read only, that is, too.
cover() {
    mount --bind "$1" "$2" || return 1
    [ "$mapped" = 0 ] || mount -o remount,bind,ro "$2"
}

# Puts something empty in the place of $1; what the program writes there is written outside, too. What is gone by the time that it
# is covered, as sockets go with their servers, needs no cover.
hide() {
    [ -e "$new$1" ] || return 0
    count=$((count + 1))
    if [ -d "$new$1" ]; then mkdir "$fs/hidden$count"; else : > "$fs/hidden$count"; fi
    printf '%s' "$1" > "$fs/of$count"
    covered=$(cover "$fs/hidden$count" "$new$1" 2>&1) || [ ! -e "$new$1" ] || { echo "$covered" >&2; return 1; }
}

# Empties the folders of sockets and temporary files, but for what is shown, and for where programs lie.
empty() {
    for at in /run /var/run /tmp; do
        [ -d "$new$at" ] && [ ! -L "$new$at" ] || continue
        emptied="$emptied $at"
        mount -t tmpfs -o "mode=0755,size=${room}k" attestar "$new$at"
    done
    { printf '%s\n' "$shown" && printf '%s' "$PATH" | tr : '\n' && echo && dirname "$1"; } | while IFS= read -r at; do
        case $at in
            /run/* | /var/run/* | /tmp/*) [ ! -d "$at" ] || show "$at" ;;
        esac
    done
}

# Whoever still runs in here would write after it was looked.
alone() {
    [ "$$" = 1 ] || return 0
    kill -s KILL -- -1 2> /dev/null
    count=0
    # Waiting for a program of its own, the shell takes leave of those that ended, too.
    while kill -s 0 -- -1 2> /dev/null; do
        count=$((count + 1))
        [ "$count" -le 1000 ] || return 1
        sleep 0.01
    done
}

# What is in the folder $3 of the system and not in the same one ($2) of the layers, though nothing in the upper one ($1) says
# that it was removed: the program put another folder in its place.
is_another() {
    [ "$(stat -c '%a %u %g' "$1")" = "$(stat -c '%a %u %g' "$3")" ] || return 0
    for below in "$3"/* "$3"/.[!.]* "$3"/..?*; do
        name=${below##*/}
        [ ! -e "$2/$name" ] && [ ! -L "$2/$name" ] && [ ! -e "$1/$name" ] && [ ! -L "$1/$name" ] || continue
        if [ -e "$below" ] || [ -L "$below" ]; then return 0; fi
    done
    return 1
}

# Prints what landed in the folder $1 of a layer and had to be left alone, one path a line.
walk() (
    for found in "$up$1"/* "$up$1"/.[!.]* "$up$1"/..?*; do
        [ -e "$found" ] || [ -L "$found" ] || continue
        path=$root${found#"$up"}
        case $path in
            "$work" | "$work"/* | "$here" | "$here"/*) continue ;;
        esac
        # Folders come along with what is in them; one that was there, and still is the same, is no fault.
        if [ -d "$found" ] && [ ! -L "$found" ] && [ -d "$path" ] && [ ! -L "$path" ]; then
            is_another "$found" "$whole${found#"$up"}" "$path" || { walk "${found#"$up"}"; continue; }
        fi
        printf '%s' "$path" | tr '\n' '?' && echo
    done
)

# Prints what landed in what lies empty in the place of $2.
held() {
    if [ ! -d "$1" ]; then
        [ ! -s "$1" ] || { printf '%s' "$2" | tr '\n' '?' && echo; }
        return 0
    fi
    for found in "$1"/* "$1"/.[!.]* "$1"/..?*; do
        [ -e "$found" ] || [ -L "$found" ] || continue
        printf '%s' "$2${found#"$1"}" | tr '\n' '?' && echo
    done
}

list() {
    alone && umount -R "$new" || return 1
    # As the program left it, mounted anew: what it had looked up in vain may be there by now.
    for at in "$fs"/at*; do
        number=${at#"$fs/at"}
        (cd "$fs" && mount -t overlay -o "ro,lowerdir=up$number:$(cat "$at")" attestar "whole$number") || return 1
    done
    # A list that is there is whole.
    {
        for at in "$fs"/at*; do
            up=$fs/up${at#"$fs/at"}
            whole=$fs/whole${at#"$fs/at"}
            root=$(cat "$at")
            [ "$root" != / ] || root=
            walk ''
        done
        for of in "$fs"/of*; do
            [ ! -e "$of" ] || held "$fs/hidden${of#"$fs/of"}" "$(cat "$of")"
        done
    } | head -n 100 > "$note/outside.part" && mv "$note/outside.part" "$note/outside"
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
    empty "$1"
    mkdir -p "$new$here"
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
# What reads a line breaks off at none that is in a path, nor does what gives it back.
while IFS= read -r path; do
    path=$(printf '%b.' "$path")
    hide "${path%.}"
done < "$note/hidden"
# Through a layer a socket is not found, and where there is none it was covered.
[ -z "$door" ] || open
mkdir -p "$new$work"
mount --bind "$work" "$new$work"
[ "$mapped" = 0 ] || close
limit "$memory" "$files"
few 2> /dev/null || true
: > "$note/ready"
set +e
if [ -z "$ids" ]; then
    # Root reads what it restored for others, and does nothing else that only root may: whoever may search without a right to
    # it opens files by their handles, outside of here too.
    chroot "$new" setpriv --no-new-privs --bounding-set=-all,+dac_override --inh-caps=-all -- \
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
