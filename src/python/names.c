/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See names.h.
 */
#include "python/names.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "python/dict.h"
#include "python/object.h"
#include "target/remote.h"

#define ACTIVE_MAX     16 /* interpreters */
#define READ_EACH_NS   (2 * NS_PER_S)
#define MODULE_DICT_AT 16 /* PyModuleObject.md_dict */
#define LONG_SIZE_AT   16
#define LONG_DIGITS_AT 24

/* threading._active of an interpreter. */
static uint64_t find_active(pid_t pid, const struct layout *l, uint64_t interp)
{
    uint64_t modules, threading, dict;
    if (!l->interp_modules.size || !object_pointer(pid, interp + l->interp_modules.at, &modules) ||
        !(threading = dict_item(pid, l, modules, "threading")) ||
        !object_pointer(pid, threading + MODULE_DICT_AT, &dict))
        return 0;
    return dict_item(pid, l, dict, "_active");
}

/* A small positive int: digits of 30 bits. */
static uint64_t int_value(const struct layout *l, const uint8_t *bytes)
{
    uint64_t size, value = 0;
    memcpy(&size, bytes + LONG_SIZE_AT, sizeof size);
    if (l->minor >= 12)
        size >>= 3;
    for (size_t i = 0; i < size && i < 3; i++) {
        uint32_t digit;
        memcpy(&digit, bytes + LONG_DIGITS_AT + i * sizeof digit, sizeof digit);
        value |= (uint64_t)digit << (30 * i);
    }
    return value;
}

static void add_objects(struct names *n, pid_t pid, const struct layout *l, uint64_t dict)
{
    enum { INT_BYTES = LONG_DIGITS_AT + 2 * sizeof(uint32_t) }; /* a pthread_t has 47 bits */
    struct dict_entries e;
    if (!dict_read(pid, l, dict, &e)) {
        free(e.at);
        return;
    }
    uint8_t *bytes = xcalloc(e.n + 1, LONG_DIGITS_AT + 3 * sizeof(uint32_t));
    struct remote_span *spans = xcalloc(e.n + 1, sizeof *spans);
    for (size_t i = 0; i < e.n; i++)
        spans[i] = (struct remote_span){e.at[i].key, bytes + i * INT_BYTES, INT_BYTES, false};
    remote_read_spans(pid, spans, e.n);
    for (size_t i = 0; i < e.n; i++) {
        uint8_t key[LONG_DIGITS_AT + 3 * sizeof(uint32_t)] = {0};
        memcpy(key, bytes + i * INT_BYTES, INT_BYTES);
        if (!spans[i].ok)
            continue;
        struct thread_object o = {int_value(l, key), e.at[i].value};
        map_set(&n->by_ident, o.ident, (uint32_t)n->objects.n);
        vec_push(&n->objects, o);
    }
    free(spans);
    free(bytes);
    free(e.at);
}

static uint64_t active_of(struct names *n, const struct threads *t, uint64_t interp)
{
    struct active *a = NULL;
    for (size_t i = 0; i < n->active.n && !a; i++)
        if (n->active.at[i].interp == interp)
            a = &n->active.at[i];
    if (!a) {
        if (n->active.n == ACTIVE_MAX)
            vec_clear(&n->active);
        a = vec_add(&n->active);
        a->interp = interp;
    }
    if (!a->dict) /* not imported yet, perhaps */
        a->dict = find_active(t->pid, &t->runtime->layout, interp);
    return a->dict;
}

static void refresh(struct names *n, const struct threads *t, uint64_t now_ns)
{
    n->read_ns = now_ns;
    vec_clear(&n->objects);
    map_clear(&n->by_ident);
    for (size_t i = t->interps.n; i-- > 0 && t->interps.n - i <= ACTIVE_MAX;) {
        uint64_t dict = active_of(n, t, t->interps.at[i].address);
        if (dict)
            add_objects(n, t->pid, &t->runtime->layout, dict);
    }
}

void names_clear(struct names *n)
{
    vec_free(&n->active);
    vec_free(&n->objects);
    map_free(&n->by_ident);
}

bool names_find(struct names *n, const struct threads *t, const struct thread *th, uint64_t now_ns,
                char out[UNICODE_TEXT_SIZE])
{
    if (!n->read_ns || now_ns - n->read_ns > READ_EACH_NS)
        refresh(n, t, now_ns);
    uint32_t i = map_get(&n->by_ident, th->pthread);
    struct dict_entries e;
    if (i == MAP_NONE)
        return false;
    uint64_t name = 0;
    if (dict_attributes(t->pid, &t->runtime->layout, n->objects.at[i].object, &e))
        name = dict_find_text(t->pid, &t->runtime->layout, &e, "_name");
    free(e.at);
    return name && object_text(t->pid, &t->runtime->layout, name, out) && out[0];
}
