/* What the tests of this project run: it prints, exits, and looks at its surroundings as its arguments say. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static int same(const char *found, const char *wanted)
{
    printf("found %s\n", found ? found : "-");
    return found ? strcmp(found, wanted) != 0 : strcmp(wanted, "-") != 0;
}

static int in_folder(const char *wanted)
{
    char found[4096];
    char resolved[4096];
    return getcwd(found, sizeof found) && realpath(wanted, resolved) ? same(found, resolved) : 2;
}

static int make(const char *file, int code)
{
    int descriptor = open(file, O_CREAT | O_WRONLY, 0666);
    usleep(300000); /* who does not wait comes too early */
    return descriptor < 0 ? 99 : code;
}

static int alone(const char *file)
{
    int descriptor = open(file, O_CREAT | O_RDWR, 0666);
    if (descriptor < 0 || flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
        printf("not alone: %s\n", strerror(errno));
        return 1;
    }
    usleep(200000);
    return 0;
}

/* Not every ctest can bind (libuv must know how to), so this only tells. */
static int tell_cpus(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) != 0) {
        return 2;
    }
    printf("bound to %d\n", CPU_COUNT(&set));
    return 0;
}

/* Compare one group with TYPE:SLOTS,…, types in order; each share must name an id. */
static int group(int number, char *wanted)
{
    char name[256], value[256] = "", variable[256];
    const char *types, *given;
    char *part, *rest = NULL;
    char shares[256] = "";
    int offset = 0;
    snprintf(name, sizeof name, "CTEST_RESOURCE_GROUP_%d", number);
    types = getenv(name);
    printf("%s=%s\n", name, types ? types : "-");
    for (part = strtok_r(wanted, ",", &rest); part; part = strtok_r(NULL, ",", &rest)) {
        char *colon = strchr(part, ':');
        size_t at;
        *colon = '\0';
        snprintf(variable, sizeof variable, "%s_%s", name, part);
        for (at = strlen(name); variable[at]; at++) {
            if (variable[at] >= 'a' && variable[at] <= 'z') {
                variable[at] -= 'a' - 'A';
            }
        }
        if (strcmp(shares, variable) != 0) {
            offset = 0;
            snprintf(shares, sizeof shares, "%s", variable);
            snprintf(value + strlen(value), sizeof value - strlen(value), "%s%s", *value ? "," : "", part);
        }
        given = getenv(variable);
        printf("%s=%s\n", variable, given ? given : "-");
        if (!given) {
            return 1;
        }
        given += offset;
        if (strncmp(given, "id:", 3) != 0) {
            return 1;
        }
        snprintf(variable, sizeof variable, ",slots:%s", colon + 1);
        given = strstr(given, ",slots:");
        if (!given || strncmp(given, variable, strlen(variable)) != 0) {
            return 1;
        }
        given = strchr(given, ';');
        offset = given ? (int)(given + 1 - getenv(shares)) : 0;
    }
    return types ? strcmp(types, value) != 0 : 1;
}

static int groups(int count, char **wanted)
{
    const char *said = getenv("CTEST_RESOURCE_GROUP_COUNT");
    int number;
    if (count == 0) {
        return said && atoi(said) != 0; /* without groups it is 0 or not set */
    }
    if (!said || atoi(said) != count) {
        printf("found %s groups\n", said ? said : "-");
        return 1;
    }
    for (number = 0; number < count; number++) {
        if (group(number, wanted[number]) != 0) {
            return 1;
        }
    }
    return 0;
}

int main(int count, char **words)
{
    const char *what = count > 1 ? words[1] : "0";
    int number;
    setvbuf(stdout, NULL, _IONBF, 0);
    if (strcmp(what, "crash") == 0) {
        puts("crash");
        raise(SIGSEGV);
    } else if (strcmp(what, "sleep") == 0) {
        sleep((unsigned)atoi(words[2]));
        return 0;
    } else if (strcmp(what, "cwd") == 0) {
        return in_folder(words[2]);
    } else if (strcmp(what, "env") == 0) {
        return same(getenv(words[2]), words[3]);
    } else if (strcmp(what, "touch") == 0) {
        return make(words[2], atoi(words[3]));
    } else if (strcmp(what, "after") == 0) {
        return access(words[2], F_OK) != 0;
    } else if (strcmp(what, "remove") == 0) {
        return unlink(words[2]) != 0;
    } else if (strcmp(what, "alone") == 0) {
        return alone(words[2]);
    } else if (strcmp(what, "cpus") == 0) {
        return tell_cpus();
    } else if (strcmp(what, "groups") == 0) {
        return groups(count - 2, words + 2);
    }
    for (number = 2; number < count; number++) {
        puts(words[number]);
    }
    return atoi(what);
}
