/* A body on a circle, followed by the leapfrog method: a small program with tests of its own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int table(int count, const char *name)
{
    FILE *file = fopen(name, "w");
    int number;
    if (!file) {
        return 1;
    }
    for (number = 1; number <= count; number++) {
        fprintf(file, "%d %f\n", number, 1.0 + 1.0 / number);
    }
    return fclose(file);
}

static int energy(int steps, const char *name)
{
    double x = 1, y = 0, u = 0, v = 1, h = 6.283185307 / steps, r, drift;
    FILE *file = fopen(name, "r");
    int step;
    if (!file) {
        perror(name);
        return 1;
    }
    fclose(file);
    for (step = 0; step < steps; step++) {
        x += u * h / 2;
        y += v * h / 2;
        r = x * x + y * y;
        u -= h * x / r;
        v -= h * y / r;
        x += u * h / 2;
        y += v * h / 2;
    }
    drift = (u * u + v * v) / 2 - 0.5;
    printf("after %d steps the drift is %g\n", steps, drift);
    puts(drift < 1e-2 && drift > -1e-2 ? "energy is conserved" : "energy is lost");
    return 0;
}

static int devices(void)
{
    const char *first = getenv("CTEST_RESOURCE_GROUP_0_GPUS");
    const char *second = getenv("CTEST_RESOURCE_GROUP_1_GPUS");
    if (!first || !second) {
        return 77;
    }
    printf("on %s and %s\n", first, second);
    return strcmp(first, second) == 0;
}

int main(int count, char **words)
{
    if (count == 4 && strcmp(words[1], "table") == 0) {
        return table(atoi(words[2]), words[3]);
    }
    if (count == 4 && strcmp(words[1], "energy") == 0) {
        return energy(atoi(words[2]), words[3]);
    }
    return devices();
}
