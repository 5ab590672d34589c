/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ids into the recording's tables: one-member structs, so that a string's id is never taken for
 * a stack's. Id 0 of every table is its "none" (the empty string, the empty stack, no module).
 */
#ifndef MODEL_IDS_H
#define MODEL_IDS_H

#include <stdint.h>

struct string_id {
    uint32_t n;
};
struct module_id {
    uint32_t n;
};
struct function_id {
    uint32_t n;
};
struct frame_id {
    uint32_t n;
};
struct stack_id {
    uint32_t n;
};
struct object_id {
    uint32_t n;
};
struct incarnation_id {
    uint32_t n;
};
struct thread_id {
    uint32_t n;
};

#endif
