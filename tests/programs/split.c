// SPDX-License-Identifier: GPL-2.0-or-later
// A program whose profile is known by construction: of its CPU time burn_sixty() takes 60 %,
// burn_thirty() 30 % and burn_ten() 10 %.
//
// Every iteration costs the same (one multiply-add that waits for the one before it), and the
// three take 6, 3 and 1 parts of each short burst, in an order drawn anew for each, so that
// any window that is longer than some bursts has the split, and no sampling rate beats with it.
//
//   split [--seconds N] [--sleep-ms N] [--pace-ms N] [--slow sixty|thirty|ten]
//         [--steps ROUNDS] [--depth N]
//
//   --sleep-ms  sleep that long after each round of about 20 ms of work
//   --pace-ms   start a round every so many milliseconds, however long its work takes, so that
//               a function that is made slower leaves the others' seconds per second alone
//   --slow      one function does half as much again
//   --steps     work when told to: for each line on standard input do so many rounds, and print
//               how many seconds they took
//   --depth     work from that many frames below main()
//
// Prints `ready` once it works, and runs until the time is over or it is killed.

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NSEC_PER_SEC     1000000000LL
#define BURSTS_PER_ROUND 100
#define PART_ITERATIONS  16000 // a burst is ten parts, about 0.2 ms

static volatile uint64_t sink;

#define BURN(n)                                                                                    \
    uint64_t x = (n);                                                                              \
    for (long i = 0; i < (n); i++) {                                                               \
        x = x * 6364136223846793005u + 1442695040888963407u;                                       \
        __asm__ volatile("" : "+r"(x));                                                            \
    }                                                                                              \
    sink = x

__attribute__((noinline, noclone)) static void burn_sixty(long iterations)
{
    BURN(iterations); // line of burn_sixty
}

__attribute__((noinline, noclone)) static void burn_thirty(long iterations)
{
    BURN(iterations); // line of burn_thirty
}

__attribute__((noinline, noclone)) static void burn_ten(long iterations)
{
    BURN(iterations); // line of burn_ten
}

struct part {
    const char *name;
    void (*burn)(long iterations);
    long iterations;
};

static struct part parts[] = {
    {"sixty", burn_sixty, 6 * PART_ITERATIONS},
    {"thirty", burn_thirty, 3 * PART_ITERATIONS},
    {"ten", burn_ten, 1 * PART_ITERATIONS},
};

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * NSEC_PER_SEC + now.tv_nsec;
}

static void sleep_until(int64_t time_ns)
{
    struct timespec until = {time_ns / NSEC_PER_SEC, time_ns % NSEC_PER_SEC};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) != 0)
        ;
}

__attribute__((noinline)) static void run_round(unsigned *seed)
{
    static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                     {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    for (int burst = 0; burst < BURSTS_PER_ROUND; burst++) {
        const int *order = orders[rand_r(seed) % 6];
        for (int i = 0; i < 3; i++)
            parts[order[i]].burn(parts[order[i]].iterations);
    }
}

static bool make_slower(const char *name)
{
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (strcmp(parts[i].name, name) == 0) {
            parts[i].iterations += parts[i].iterations / 2;
            return true;
        }
    }
    return false;
}

struct settings {
    double seconds;
    int64_t sleep_ns, pace_ns;
    int steps, depth;
};

static void work_in_steps(int rounds)
{
    unsigned seed = 1;
    char line[80];
    while (fgets(line, sizeof line, stdin)) {
        int64_t start_ns = now_ns();
        for (int round = 0; round < rounds; round++)
            run_round(&seed);
        printf("%.6f\n", (double)(now_ns() - start_ns) / 1e9);
        fflush(stdout);
    }
}

static void work_until(const struct settings *settings)
{
    unsigned seed = 1;
    int64_t start_ns = now_ns(), end_ns = start_ns + (int64_t)(settings->seconds * 1e9);
    for (int64_t round = 1; now_ns() < end_ns; round++) {
        run_round(&seed);
        if (settings->sleep_ns > 0)
            sleep_until(now_ns() + settings->sleep_ns);
        else if (settings->pace_ns > 0)
            sleep_until(start_ns + round * settings->pace_ns);
    }
}

__attribute__((noinline, noclone)) static void descend(int depth, const struct settings *settings)
{
    if (depth > 0)
        descend(depth - 1, settings);
    else if (settings->steps > 0)
        work_in_steps(settings->steps);
    else
        work_until(settings);
    __asm__ volatile(""); // no tail call: every level keeps its frame
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"seconds", required_argument, NULL, 'd'},
        {"sleep-ms", required_argument, NULL, 's'},
        {"pace-ms", required_argument, NULL, 'p'},
        {"slow", required_argument, NULL, 'w'},
        {"steps", required_argument, NULL, 't'},
        {"depth", required_argument, NULL, 'n'},
        {NULL, 0, NULL, 0},
    };
    struct settings settings = {.seconds = 3600};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'd':
            settings.seconds = atof(optarg);
            break;
        case 's':
            settings.sleep_ns = (int64_t)(atof(optarg) * 1e6);
            break;
        case 'p':
            settings.pace_ns = (int64_t)(atof(optarg) * 1e6);
            break;
        case 't':
            settings.steps = atoi(optarg);
            break;
        case 'n':
            settings.depth = atoi(optarg);
            break;
        default:
            if (option != 'w' || !make_slower(optarg))
                return 2;
        }
    }
    puts("ready");
    fflush(stdout);
    descend(settings.depth, &settings);
    return 0;
}
