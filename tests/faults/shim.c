// Faults from within: preloaded into one Python process, this counts the calls that change files below FAULTS_ROOT, and
// start processes, and does at the n-th of them what FAULTS_ACTION says. The program under test knows nothing of it.
//
//   FAULTS_ROOT    the folder whose files count
//   FAULTS_AT      the number of the call, from 1; 0 only counts
//   FAULTS_ACTION  before | after   kill this process before or after the call
//                  torn             write half of it, then kill (another call: as before)
//                  stop | stopped   SIGSTOP before or after the call
//                  error            fail with FAULTS_ERRNO, for FAULTS_FOR calls (0: from then on)
//                  short            a write takes half, then it and what follows fail as with error
//                  clock            the wall clock jumps by FAULTS_SECONDS
//   FAULTS_ALL     with a kill: the processes that this one forked (its watchdog) die first
//   FAULTS_LOG     a file to which each call is written: number, name, size of the file after it, path, second path
//   FAULTS_HOST    the name of this machine
//
// A started program sees none of this: the variables are gone before Python reads its environment.
#define _GNU_SOURCE
#pragma GCC diagnostic ignored "-Wnonnull-compare"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int armed, all, log_fd = -1;
static long calls, at, lasting, seconds;
static int error_number;
static char root[PATH_MAX / 2], action[16], host[65];
static pid_t children[64];
static int child_count;

static const char *take(const char *name) {
    const char *value = getenv(name);
    return value ? value : "";
}

__attribute__((constructor)) static void arm(void) {
    char program[PATH_MAX] = "";
    if (readlink("/proc/self/exe", program, sizeof program - 1) < 0 || !strstr(program, "python") || !getenv("FAULTS_ROOT"))
        return;
    snprintf(root, sizeof root, "%s/", take("FAULTS_ROOT"));
    snprintf(action, sizeof action, "%s", take("FAULTS_ACTION"));
    snprintf(host, sizeof host, "%s", take("FAULTS_HOST"));
    at = atol(take("FAULTS_AT"));
    lasting = atol(take("FAULTS_FOR"));
    seconds = atol(take("FAULTS_SECONDS"));
    error_number = atoi(take("FAULTS_ERRNO"));
    all = *take("FAULTS_ALL") != 0;
    if (*take("FAULTS_LOG"))
        log_fd = REAL(open64)(take("FAULTS_LOG"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    const char *names[] = {"LD_PRELOAD", "FAULTS_ROOT", "FAULTS_AT", "FAULTS_ACTION", "FAULTS_ERRNO", "FAULTS_FOR",
                           "FAULTS_SECONDS", "FAULTS_ALL", "FAULTS_LOG", "FAULTS_HOST"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
    armed = 1;
}

static int below(const char *path) { return !strncmp(path, root, strlen(root)); }

// The path of a name relative to a descriptor's folder, or of the descriptor itself.
static void resolve(int descriptor, const char *name, char *path) {
    path[0] = 0;
    if (name && name[0] == '/') {
        snprintf(path, PATH_MAX, "%s", name);
        return;
    }
    char link[64], folder[PATH_MAX];
    if (descriptor == AT_FDCWD)
        snprintf(link, sizeof link, "/proc/self/cwd");
    else
        snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t size = readlink(link, folder, sizeof folder - 1);
    if (size < 0)
        return;
    folder[size] = 0;
    if (name && snprintf(path, PATH_MAX, "%s/%s", folder, name) >= PATH_MAX)
        path[0] = 0;
    else if (!name)
        snprintf(path, PATH_MAX, "%s", folder);
}

static void die(void) {
    for (int i = 0; all && i < child_count; i++)
        kill(children[i], SIGKILL);
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

// What to do with this call: 0 let it through, 1 fail, 2 take half of it and go on as `half` says.
static int before(const char *path, int is_write) {
    if (!armed || !below(path))
        return 0;
    calls++;
    if (!at || calls < at)
        return 0;
    int failing = !strcmp(action, "error") || !strcmp(action, "short");
    if (failing && (!lasting || calls < at + lasting)) {
        errno = error_number;
        return !strcmp(action, "short") && is_write && calls == at ? 2 : 1;
    }
    if (calls > at)
        return 0;
    if (!strcmp(action, "before") || (!strcmp(action, "torn") && !is_write))
        die();
    if (!strcmp(action, "torn"))
        return 2;
    if (!strcmp(action, "stop"))
        kill(getpid(), SIGSTOP);
    return 0;
}

static void note(const char *name, long size, const char *path, const char *other) {
    if (log_fd < 0)
        return;
    char line[3 * PATH_MAX];
    int length = snprintf(line, sizeof line, "%ld\t%s\t%ld\t%s\t%s\n", calls, name, size, path, other);
    if (REAL(write)(log_fd, line, length) != length)
        abort();
}

static void after(const char *name, int descriptor, const char *path, const char *other) {
    if (!armed || !below(path))
        return;
    int kept = errno;
    struct stat state;
    long size = descriptor >= 0 && !fstat(descriptor, &state) ? (long)state.st_size : -1;
    note(name, size, path, other);
    if (calls == at && !strcmp(action, "after"))
        die();
    if (calls == at && !strcmp(action, "stopped"))
        kill(getpid(), SIGSTOP);
    errno = kept;
}

ssize_t write(int descriptor, const void *bytes, size_t count) {
    char path[PATH_MAX] = "";
    if (armed)
        resolve(descriptor, NULL, path);
    switch (before(path, 1)) {
    case 1:
        return -1;
    case 2:
        if (count > 1)
            count /= 2;
        if (!strcmp(action, "torn")) {
            if (REAL(write)(descriptor, bytes, count) < 0)
                abort();
            die();
        }
    }
    ssize_t done = REAL(write)(descriptor, bytes, count);
    after("write", descriptor, path, "");
    return done;
}

static int opening(int folder, const char *name, int flags, mode_t mode) {
    char path[PATH_MAX] = "";
    int changes = armed && (flags & (O_CREAT | O_TRUNC | O_WRONLY | O_RDWR));
    if (changes)
        resolve(folder, name, path);
    if (changes && before(path, 0))
        return -1;
    int done = REAL(openat64)(folder, name, flags, mode);
    if (changes)
        after("open", done, path, flags & O_TRUNC ? "truncated" : "");
    return done;
}

int open64(const char *name, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return opening(AT_FDCWD, name, flags, mode);
}

int openat64(int folder, const char *name, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return opening(folder, name, flags, mode);
}

int open(const char *name, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return opening(AT_FDCWD, name, flags, mode);
}

// A call on one name or descriptor: its signature, how it is called, where its path comes from.
#define WRAP(name, parameters, arguments, descriptor, file)                                                            \
    int name parameters {                                                                                              \
        char path[PATH_MAX] = "";                                                                                      \
        if (armed)                                                                                                     \
            resolve(descriptor, file, path);                                                                           \
        if (before(path, 0))                                                                                           \
            return -1;                                                                                                 \
        int done = REAL(name) arguments;                                                                               \
        if (!done)                                                                                                     \
            after(#name, (file) ? -1 : (descriptor), path, "");                                                        \
        return done;                                                                                                   \
    }

WRAP(fsync, (int fd), (fd), fd, (const char *)0)
WRAP(syncfs, (int fd), (fd), fd, (const char *)0)
WRAP(ftruncate64, (int fd, off64_t size), (fd, size), fd, (const char *)0)
WRAP(fchmod, (int fd, mode_t mode), (fd, mode), fd, (const char *)0)
WRAP(mkdir, (const char *name, mode_t mode), (name, mode), AT_FDCWD, name)
WRAP(mkdirat, (int folder, const char *name, mode_t mode), (folder, name, mode), folder, name)
WRAP(unlink, (const char *name), (name), AT_FDCWD, name)
WRAP(unlinkat, (int folder, const char *name, int flags), (folder, name, flags), folder, name)
WRAP(chmod, (const char *name, mode_t mode), (name, mode), AT_FDCWD, name)
WRAP(utimensat, (int folder, const char *name, const struct timespec times[2], int flags), (folder, name, times, flags), folder, name)

#define WRAP_PAIR(name, parameters, arguments, from, source, to, target)                                               \
    int name parameters {                                                                                              \
        char path[PATH_MAX] = "", other[PATH_MAX] = "";                                                                \
        if (armed) {                                                                                                   \
            resolve(from, source, path);                                                                               \
            resolve(to, target, other);                                                                                \
        }                                                                                                              \
        if (before(other, 0))                                                                                          \
            return -1;                                                                                                 \
        int done = REAL(name) arguments;                                                                               \
        if (!done)                                                                                                     \
            after(#name, -1, other, path);                                                                             \
        return done;                                                                                                   \
    }

WRAP_PAIR(rename, (const char *old, const char *new), (old, new), AT_FDCWD, old, AT_FDCWD, new)
WRAP_PAIR(renameat, (int a, const char *old, int b, const char *new), (a, old, b, new), a, old, b, new)
WRAP_PAIR(link, (const char *old, const char *new), (old, new), AT_FDCWD, old, AT_FDCWD, new)
WRAP_PAIR(linkat, (int a, const char *old, int b, const char *new, int flags), (a, old, b, new, flags), a, old, b, new)

int posix_spawn(pid_t *pid, const char *program, const posix_spawn_file_actions_t *actions,
                const posix_spawnattr_t *attributes, char *const arguments[], char *const environment[]) {
    char path[PATH_MAX] = "";
    if (armed)
        snprintf(path, sizeof path, "%sprocess", root);
    if (before(path, 0))
        return error_number == EIO || error_number == EROFS ? EAGAIN : error_number;
    int done = REAL(posix_spawn)(pid, program, actions, attributes, arguments, environment);
    after("posix_spawn", -1, path, program);
    return done;
}

pid_t fork(void) {
    pid_t child = REAL(fork)();
    if (!child)
        armed = 0;
    else if (child > 0 && child_count < 64)
        children[child_count++] = child;
    return child;
}

static int jumped(void) { return armed && at && calls >= at && !strcmp(action, "clock"); }

int clock_gettime(clockid_t clock, struct timespec *now) {
    int done = REAL(clock_gettime)(clock, now);
    if (clock == CLOCK_REALTIME && jumped())
        now->tv_sec += seconds;
    return done;
}

int uname(struct utsname *names) {
    int done = REAL(uname)(names);
    if (*host)
        snprintf(names->nodename, sizeof names->nodename, "%s", host);
    return done;
}
