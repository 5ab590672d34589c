/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Survivor sampling of a child. With a pid it samples that process and prints what it found: for
 * the live tests and the benchmark. engine_survivors PID [SAMPLE_S STAY_S [LOSS_PCT]] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "engine/survivors.h"
#include "native/symbolizer.h"
#include "target/uprobe.h"

static void rest(uint64_t ns)
{
    struct timespec t = {(time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S)};
    nanosleep(&t, NULL);
}

static bool run(struct survivors *s, struct err *err)
{
    enum survivors_state state;
    uint64_t wait_ns = 0;
    while ((state = survivors_poll(s, &wait_ns, err)) < SURVIVORS_DONE)
        rest(wait_ns);
    return state == SURVIVORS_DONE;
}

static void print_frame(struct symbolizer *names, const struct growth_frame *f)
{
    if (f->python) {
        printf(" %s:%s:%u", f->name, f->file, f->line);
        return;
    }
    struct symbol_places places;
    symbolizer_name(names, f->module, f->build_id, f->offset, &places);
    printf(" %s", places.n ? places.at[0].name : "?");
    symbol_places_clear(&places);
}

static void print_result(pid_t pid, const struct growth *g)
{
    struct symbolizer *names = symbolizer_new(pid);
    printf("samples %llu lost %llu unnamed %llu cost_pct %.2f\n", (unsigned long long)g->samples,
           (unsigned long long)g->lost, (unsigned long long)g->unnamed, g->cost_pct);
    for (size_t i = 0; i < g->rows.n && i < 20; i++) {
        const struct growth_row *row = &g->rows.at[i];
        const struct growth_stack *stack = &g->stacks.at[row->stack];
        printf("row %.0f %llu/%llu %s |", row->bytes_per_s, (unsigned long long)row->count,
               (unsigned long long)row->of_samples, row->type[0] ? row->type : "-");
        for (uint32_t k = 0; k < stack->n && k < 8; k++)
            print_frame(names, &g->frames.at[stack->first + k]);
        printf("\n");
    }
    symbolizer_free(names);
}

static int tool(int argc, char **argv)
{
    struct err err = {""};
    struct survivors_options options = {.sample_ns = 0};
    struct survivors_cost cost;
    if (argc > 3) {
        options.sample_ns = (uint64_t)(atof(argv[2]) * 1e9);
        options.stay_ns = (uint64_t)(atof(argv[3]) * 1e9);
    }
    if (argc > 4)
        options.loss_pct = atof(argv[4]);
    struct survivors *s = survivors_new(atoi(argv[1]), &options, &err);
    if (s && survivors_estimate(s, &cost, &err)) {
        printf("estimate calls/s %.0f call_ns %.0f always_pct %.1f burst_pct %.1f\n",
               cost.calls_per_s, cost.call_ns, cost.always_pct, cost.burst_pct);
        fflush(stdout);
        if (run(s, &err)) {
            print_result(atoi(argv[1]), survivors_result(s));
            survivors_free(s);
            return 0;
        }
    }
    fprintf(stderr, "%s\n", err.text);
    survivors_free(s);
    return 1;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return tool(argc, argv);
    return 0;
}
