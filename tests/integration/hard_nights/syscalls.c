// Runs a program and stands at each of its system calls that change something outside of it: all processes, all threads,
// in one order, before the call is made. Notes it, and lets it be made, fail, or never come: the program is killed there.
//
//     syscalls JOURNAL SNAPSHOTS WHAT AT NAMES PROGRAM ARGUMENT…
//
// WHAT is `watch`, `kill`, `fail=ERRNO`, or `full=ERRNO`: from call AT on, whatever needs room on a disk fails. AT counts
// from 1, of the calls with these names (`fsync,fdatasync`; all of them: `-`). JOURNAL gets a line a call: its number, its name, its arguments, separated by tabs. A file is
// copied to SNAPSHOTS/NUMBER when it is synced: those bytes survive.
//
// By the kernel's own means (seccomp's user notification), so that nothing in the program can go past it: no library is
// replaced, no call is missed for being made in another way. Exit code: the program's; 128 and the signal; 125 if this one
// fails.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

// What the arguments of a call are: `f` an open file, `d` an open folder of the path that follows, `p` a path, `n` a
// number that is noted, `h` the flags of openat2, `-` nothing of interest. `room`: whether it may need room on the disk.
struct call {
    long number;
    const char *name, *arguments;
    int room;
};

#define CALL(name, arguments, room) { SYS_##name, #name, arguments, room }

static const struct call CALLS[] = {
    CALL(write, "f", 1), CALL(pwrite64, "f", 1), CALL(writev, "f", 1), CALL(pwritev, "f", 1), CALL(pwritev2, "f", 1),
    CALL(copy_file_range, "--f", 1), CALL(sendfile, "f", 1), CALL(splice, "--f", 1), CALL(tee, "-f", 0), CALL(vmsplice, "f", 0),
    CALL(ftruncate, "fn", 1), CALL(truncate, "pn", 1), CALL(fallocate, "f", 1),
    CALL(fsync, "f", 0), CALL(fdatasync, "f", 0), CALL(sync_file_range, "f", 0), CALL(syncfs, "f", 0), CALL(sync, "", 0),
    CALL(msync, "", 0),
    CALL(openat, "dpn", 1), CALL(openat2, "dph", 1), CALL(mkdirat, "dp", 1), CALL(mknodat, "dp", 1),
    CALL(renameat2, "dpdpn", 1), CALL(linkat, "dpdp", 1), CALL(symlinkat, "-dp", 1), CALL(unlinkat, "dpn", 0),
    CALL(fchmod, "f", 0), CALL(fchmodat, "dp", 0), CALL(fchown, "f", 0), CALL(fchownat, "dp", 0), CALL(utimensat, "dp", 0),
    CALL(setxattr, "p", 1), CALL(lsetxattr, "p", 1), CALL(fsetxattr, "f", 1),
    CALL(sendto, "f", 0), CALL(sendmsg, "f", 0), CALL(sendmmsg, "f", 0),
#ifdef SYS_renameat
    CALL(renameat, "dpdp", 1),
#endif
#ifdef SYS_open // Where older calls live on.
    CALL(open, "pn", 1), CALL(creat, "p", 1), CALL(mkdir, "p", 1), CALL(mknod, "p", 1), CALL(rmdir, "p", 0), CALL(rename, "pp", 1),
    CALL(link, "pp", 1), CALL(symlink, "-p", 1), CALL(unlink, "p", 0), CALL(chmod, "p", 0), CALL(chown, "p", 0),
    CALL(lchown, "p", 0), CALL(utime, "p", 0), CALL(utimes, "p", 0), CALL(futimesat, "dp", 0),
#endif
};
enum { COUNT = sizeof CALLS / sizeof *CALLS };

// An open that does none of these changes nothing.
static const uint32_t MAKES = O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY);

__attribute__((noreturn)) static void fail(const char *what) {
    perror(what);
    exit(125);
}

// Has the kernel ask before each of the calls. Gives the descriptor on which it asks.
static int watch_calls(void) {
    struct sock_filter code[8 * COUNT + 8];
    size_t at = 0;
    const uint32_t number = offsetof(struct seccomp_data, nr);
    for (int call = 0; call < COUNT; call++) {
        const char *flags = strchr(CALLS[call].arguments, 'n');
        int opens = CALLS[call].number == SYS_openat;
#ifdef SYS_open
        opens = opens || CALLS[call].number == SYS_open;
#endif
        code[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, number);
        code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CALLS[call].number, 0, opens ? 4 : 1);
        if (opens) {
            uint32_t argument = offsetof(struct seccomp_data, args) + 8 * (flags - CALLS[call].arguments);
            code[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument);
            code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, MAKES, 1, 0);
            code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
        }
        code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
    }
    code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = { .len = at, .filter = code };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) fail("no new privileges");
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

// Bytes of the program's memory; no more than there are up to the end of a page that is not there.
static size_t peek(pid_t thread, uint64_t from, void *to, size_t length) {
    size_t read = 0;
    while (read < length) {
        size_t step = 4096 - (from + read) % 4096;
        if (step > length - read) step = length - read;
        struct iovec here = { (char *)to + read, step }, there = { (void *)(uintptr_t)(from + read), step };
        if (process_vm_readv(thread, &here, 1, &there, 1, 0) != (ssize_t)step) break;
        read += step;
    }
    return read;
}

// Where a descriptor of the program leads, or its working folder.
static void opened(pid_t thread, int descriptor, char *path) {
    char link[64];
    if (descriptor == AT_FDCWD) snprintf(link, sizeof link, "/proc/%d/cwd", thread);
    else snprintf(link, sizeof link, "/proc/%d/fd/%d", thread, descriptor);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    path[length < 0 ? 0 : length] = 0;
}

// A path of the program, from its root on.
static void named(pid_t thread, int folder, uint64_t at, char *path) {
    char given[PATH_MAX] = "", base[PATH_MAX];
    if (at) given[peek(thread, at, given, sizeof given - 1)] = 0;
    opened(thread, folder, base);
    if (given[0] == '/') snprintf(path, PATH_MAX, "%s", given);
    else if (!given[0]) snprintf(path, PATH_MAX, "%s", base);
    else if (snprintf(path, PATH_MAX, "%s/%s", base, given) >= PATH_MAX) path[0] = 0;
}

// What of a file survives, as it is now. (Of a folder its names do; the journal knows them.)
static void snapshot(pid_t thread, int descriptor, const char *folder, long number) {
    char from[64], to[PATH_MAX], piece[1 << 16];
    snprintf(from, sizeof from, "/proc/%d/fd/%d", thread, descriptor);
    snprintf(to, sizeof to, "%s/%ld", folder, number);
    struct stat is;
    if (stat(from, &is) || !S_ISREG(is.st_mode)) return;
    int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (in < 0 || out < 0) fail("snapshot");
    ssize_t length;
    while ((length = read(in, piece, sizeof piece)) > 0)
        if (write(out, piece, length) != length) fail("snapshot");
    if (length < 0) fail("snapshot");
    close(in);
    close(out);
}

// Writes the arguments of a call to the line. Gives whether it changes anything at all, and the first path.
static int note(const struct call *call, const struct seccomp_notif *asked, char *line, size_t size, char *first) {
    size_t used = 0;
    int folder = AT_FDCWD;
    first[0] = 0;
    for (int at = 0; call->arguments[at]; at++) {
        uint64_t argument = asked->data.args[at];
        char text[PATH_MAX] = "";
        switch (call->arguments[at]) {
        case '-': continue;
        case 'd': folder = (int)argument; continue;
        case 'f': opened(asked->pid, (int)argument, text); break;
        case 'p': named(asked->pid, folder, argument, text); break;
        case 'n': snprintf(text, sizeof text, "%llu", (unsigned long long)argument); break;
        case 'h': {
            struct open_how how = { 0 };
            peek(asked->pid, argument, &how, sizeof how);
            if (!(how.flags & MAKES)) return 0;
            snprintf(text, sizeof text, "%llu", (unsigned long long)how.flags);
        }
        }
        if (!first[0]) memcpy(first, text, sizeof text);
        used += snprintf(line + used, size - used, "\t%s", text);
    }
    return strpbrk(line, "\n") ? -1 : 1;
}

struct plan {
    FILE *journal;
    const char *snapshots, *names;
    int kills, error, sticks, dead;
    long at, count, named;
};

// Whether a name is in a list with commas.
static int is_named(const char *names, const char *name) {
    if (!strcmp(names, "-")) return 1;
    size_t length = strlen(name);
    for (const char *at = names; at; at = strchr(at, ','), at = at ? at + 1 : at)
        if (!strncmp(at, name, length) && (at[length] == ',' || !at[length])) return 1;
    return 0;
}

// Decides about one call.
static void decide(struct plan *plan, const struct seccomp_notif *asked, struct seccomp_notif_resp *answer, pid_t program) {
    const struct call *call = CALLS;
    while (call->number != asked->data.nr) call++;
    char line[3 * PATH_MAX] = "", first[PATH_MAX];
    answer->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    int changes = note(call, asked, line, sizeof line, first);
    if (changes < 0) fail("a name with a line break");
    if (!changes) return;
    plan->count++;
    int counts = is_named(plan->names, call->name);
    plan->named += counts;
    fprintf(plan->journal, "%ld\t%s%s\n", plan->count, call->name, line);
    fflush(plan->journal);
    if (plan->kills && counts && plan->named == plan->at) {
        plan->dead = !kill(-program, SIGKILL);
        return;
    }
    int is_there = strncmp(call->name, "open", 4) == 0 && access(first, F_OK) == 0;
    int fails = plan->sticks ? plan->named >= plan->at && call->room && first[0] == '/' && !is_there
                             : counts && plan->named == plan->at;
    if (plan->error && fails) {
        answer->flags = 0;
        answer->error = -plan->error;
    } else if (call->number == SYS_fsync || call->number == SYS_fdatasync) {
        snapshot(asked->pid, (int)asked->data.args[0], plan->snapshots, plan->count);
    }
}

// Answers until nobody asks any more.
static void stand_by(int listener, struct plan *plan, pid_t program) {
    struct pollfd poll_for = { .fd = listener, .events = POLLIN };
    for (;;) {
        if (poll(&poll_for, 1, -1) < 0 && errno != EINTR) fail("poll");
        if (!(poll_for.revents & POLLIN)) {
            if (poll_for.revents & POLLHUP) return;
            continue;
        }
        struct seccomp_notif asked = { 0 };
        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked)) {
            if (errno == ENOENT || errno == EINTR) continue; // It died before it was heard.
            fail("receive");
        }
        struct seccomp_notif_resp answer = { .id = asked.id };
        if (!plan->dead) decide(plan, &asked, &answer, program);
        if (plan->dead) continue; // Nobody hears the answer: each of its threads waits here, or ends.
        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer) && errno != ENOENT) fail("answer");
    }
}

// The descriptor of another process, once it has it.
static int listener_of(pid_t program, volatile int *told) {
    while (*told == -1) {
        usleep(200);
        if (waitpid(program, NULL, WNOHANG) == program) fail("it ended before it began");
    }
    int process = syscall(SYS_pidfd_open, program, 0);
    int listener = syscall(SYS_pidfd_getfd, process, *told, 0);
    if (*told < 0 || listener < 0) fail("seccomp");
    close(process);
    *told = -1;
    return listener;
}

int main(int count, char **arguments) {
    if (count < 7) return fprintf(stderr, "syscalls JOURNAL SNAPSHOTS WHAT AT NAMES PROGRAM ARGUMENT…\n"), 125;
    const char *what = arguments[3], *equals = strchr(what, '=');
    struct plan plan = { .journal = fopen(arguments[1], "we"), .snapshots = arguments[2], .at = atol(arguments[4]), .names = arguments[5] };
    if (!plan.journal) fail(arguments[1]);
    plan.kills = !strcmp(what, "kill");
    plan.sticks = !strncmp(what, "full", 4);
    plan.error = equals ? atoi(equals + 1) : 0;
    volatile int *told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (told == MAP_FAILED) fail("memory");
    *told = -1;
    pid_t program = fork();
    if (program < 0) fail("fork");
    if (!program) {
        setpgid(0, 0);
        int listener = watch_calls();
        *told = listener < 0 ? -2 : listener;
        while (*told != -1) usleep(200);
        close(listener);
        execvp(arguments[6], arguments + 6);
        _exit(127);
    }
    stand_by(listener_of(program, told), &plan, program);
    int status;
    if (waitpid(program, &status, 0) != program) fail("wait");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
