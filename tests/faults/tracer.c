// A job that tells when it runs: tracer FOLDER NAME MILLISECONDS [leave|stubborn]
//
// It holds a lock as long as it or a child of it lives, and appends to FOLDER/trace one line for each thing that happens:
// start, stop, or overlap (another run of the same job lives), with its name, its pid, and the monotonic time in ns.
// `leave` leaves a child running in its process group; `stubborn` ignores SIGTERM.
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

static int trace;

static void tell(const char *what, const char *name, long pid) {
    struct timespec now;
    char line[512];
    clock_gettime(CLOCK_MONOTONIC, &now);
    int size = snprintf(line, sizeof line, "%s %s %ld %lld\n", what, name, pid, now.tv_sec * 1000000000LL + now.tv_nsec);
    if (write(trace, line, size) != size)
        exit(2);
}

static void pass(long milliseconds) {
    struct timespec left = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    while (nanosleep(&left, &left))
        ;
}

int main(int count, char **arguments) {
    if (count < 4)
        return 2;
    char path[4096];
    const char *name = arguments[2], *mode = count > 4 ? arguments[4] : "";
    snprintf(path, sizeof path, "%s/trace", arguments[1]);
    trace = open(path, O_WRONLY | O_APPEND | O_CREAT, 0666);
    snprintf(path, sizeof path, "%s/%s.lock", arguments[1], name);
    int lock = open(path, O_RDWR | O_CREAT, 0666);
    if (trace < 0 || lock < 0)
        return 2;
    if (!strcmp(mode, "stubborn"))
        signal(SIGTERM, SIG_IGN);
    tell("start", name, getpid());
    if (flock(lock, LOCK_EX | LOCK_NB))
        tell("overlap", name, getpid());
    if (!strcmp(mode, "leave")) {
        pid_t child = fork();
        if (!child) {
            pass(60000);
            return 0;
        }
        tell("start", name, child);
    }
    pass(atol(arguments[3]));
    printf("%s is done\n", name);
    fflush(stdout);
    tell("stop", name, getpid());
    return 0;
}
