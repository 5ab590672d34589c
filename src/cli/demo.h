/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sample service: started through its launcher, which prints the pid to watch once the service
 * is under load, and takes everything down when its standard input closes (so also when proftop
 * is killed).
 */
#ifndef CLI_DEMO_H
#define CLI_DEMO_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

struct demo {
    pid_t launcher, service;
    int stdin_fd; /* closing it ends the demo */
};

bool demo_start(struct demo *demo, struct err *err);
void demo_stop(struct demo *demo);

#endif
