/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See locks.h. Layouts, where pointers have 8 bytes and sem_t 32 (glibc):
 *   struct wait_entry (Python/parking_lot.c)   park_arg +0, addr +8, sema +16, node +48
 *   RLock to 3.13       rlock_lock +16 (the address of a sem_t), owner +24, count +32
 *   RLock after that    its mutex, which is parked on; thread +8, level +16 (0: held once)
 * Where an RLock to 3.13 lies is told by nothing but the stack of the thread in its acquire(): each
 * word there may be its address, and is if what it points at says so.
 */
#include "python/locks.h"

#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "python/object.h"
#include "target/remote.h"

#define ADDR_BEFORE 8 /* of a wait_entry, seen from its semaphore */
#define NODE_AFTER  32
#define PARKED_BITS 3 /* of the byte that is parked on: locked, somebody is parked */
#define HAS_PARKED  2
#define OWNER_AT    8  /* in an RLock, from its mutex on */
#define LOCK_AT     16 /* in an RLock's object */
#define LEVEL_MAX   (1u << 20)
#define STACK_WORDS 256
#define SPANS       32
#define AGAIN_NS    NS_PER_S
#define SPELL_NS    (100 * NS_PER_MS)
#define SPELL_MOST  16 /* searches */

/* An owner is one of the interpreter's threads, or memory lies. */
static pid_t owner_of(const struct threads *t, const uint64_t words[2])
{
    if (!words[0] || words[1] > LEVEL_MAX)
        return 0;
    for (size_t i = 0; i < t->list.n; i++)
        if (t->list.at[i].pthread == words[0])
            return t->list.at[i].tid;
    return 0;
}

/* What the parking lot's entry around the futex says. */
static bool find_parked(const struct threads *t, uint64_t futex, struct python_lock *out)
{
    uint64_t addr, node[2], mutex[3];
    struct remote_span spans[] = {{futex - ADDR_BEFORE, &addr, sizeof addr, false},
                                  {futex + NODE_AFTER, node, sizeof node, false}};
    if (remote_read_spans(t->pid, spans, 2) != 2 || !object_plausible(node[0]) ||
        !object_plausible(node[1]) || addr < 4096 ||
        remote_read_some(t->pid, addr & ~7ull, mutex, sizeof mutex) < sizeof mutex[0])
        return false;
    uint8_t byte = (uint8_t)(mutex[0] >> (addr & 7) * 8);
    if (byte & ~PARKED_BITS || !(byte & HAS_PARKED))
        return false;
    out->address = addr;
    uint64_t owner[2];
    if (addr % 8 == 0 && remote_read(t->pid, addr + OWNER_AT, owner, sizeof owner))
        out->owner = owner_of(t, owner);
    return true;
}

/* Whether this is an RLock that waits in this futex, and who has it. */
static bool take_rlock(const struct threads *t, uint64_t futex, const uint64_t words[3],
                       struct python_lock *out)
{
    pid_t owner = words[0] == futex ? owner_of(t, words + 1) : 0;
    if (!owner)
        return false;
    *out = (struct python_lock){.address = futex, .owner = owner};
    return true;
}

/* The object's address; 0: the stack has none that fits. */
static uint64_t search(const struct threads *t, uint64_t futex, uint64_t sp,
                       struct python_lock *out)
{
    uint64_t stack[STACK_WORDS], words[SPANS][3], at[SPANS];
    struct remote_span spans[SPANS];
    size_t n = remote_read_some(t->pid, sp, stack, sizeof stack) / 8, filled = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t p = stack[i];
        bool own_stack = p - sp < sizeof stack * 16;
        if (object_plausible(p) && !own_stack) {
            at[filled] = p;
            spans[filled] =
                (struct remote_span){p + LOCK_AT, words[filled], sizeof words[0], false};
            filled++;
        }
        if (filled < SPANS && i + 1 < n)
            continue;
        remote_read_spans(t->pid, spans, filled);
        for (size_t k = 0; k < filled; k++)
            if (spans[k].ok && take_rlock(t, futex, words[k], out))
                return at[k];
        filled = 0;
    }
    return 0;
}

bool locks_find(struct locks *l, const struct threads *threads, uint64_t futex, uint64_t sp,
                uint64_t now_ns, struct python_lock *out)
{
    struct known_lock *known = &l->known[hash_mix(futex, 0) % LOCKS_KNOWN];
    uint64_t words[3];
    *out = (struct python_lock){.owner = 0};
    if (find_parked(threads, futex, out))
        return true;
    if (known->futex == futex && known->object &&
        remote_read(threads->pid, known->object + LOCK_AT, words, sizeof words) &&
        take_rlock(threads, futex, words, out))
        return true;
    if (known->futex == futex && now_ns - known->sought_ns < AGAIN_NS)
        return false;
    if (now_ns - l->spell_ns >= SPELL_NS) {
        l->spell_ns = now_ns;
        l->searches = 0;
    }
    out->later = l->searches++ >= SPELL_MOST;
    if (out->later)
        return false;
    *known = (struct known_lock){futex, search(threads, futex, sp, out), now_ns};
    return known->object != 0;
}
