/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a programmer calls the variable at an address of a process: a symbol of a module's data,
 * else the module and an offset. For a few addresses: it reads the symbol table each time (10 ms
 * for 100,000 symbols). Worker thread.
 */
#ifndef NATIVE_DATA_SYMBOL_H
#define NATIVE_DATA_SYMBOL_H

#include <stdint.h>

#include "target/maps.h"

/* "g_cache in server", "server+0x5040" (an address as linked); "0x7f..." where no module is. Owned,
 * printable. */
char *data_symbol_name(const struct maps *maps, uint64_t addr);

#endif
