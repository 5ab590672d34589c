/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See lock.h. The layouts are those of glibc 2.25 to 2.43 on x86-64:
 *   pthread_mutex_t   lock +0, count +4, owner +8, nusers +12, kind +16
 *   pthread_rwlock_t  readers +0, wrphase_futex +8, writers_futex +12, cur_writer +24
 *   struct pthread    itself +16, tid +720 (a join waits on the tid, which the kernel clears)
 */
#include "target/lock.h"

#include <linux/futex.h>
#include <string.h>

#include "target/remote.h"

#define WORD(bytes, at) (memcpy(&word_, (bytes) + (at), sizeof word_), word_)

#define PAGE_BYTES      4096
#define AFTER_BYTES     20 /* the futex and what follows it */
#define MUTEX_BYTES     20
#define CONTENDED       2      /* of a normal mutex's lock: taken, and somebody waits */
#define KIND_TYPE       3      /* normal, recursive, error checking, adaptive */
#define KIND_ROBUST     16     /* PTHREAD_MUTEX_ROBUST_NORMAL_NP */
#define KIND_PI         32     /* PTHREAD_MUTEX_PRIO_INHERIT_NP */
#define KIND_KNOWN      0x3f3u /* with elision's and process-shared bits */
#define NUSERS_MAX      65536u
#define RWLOCK_USED     2u /* PTHREAD_RWLOCK_FUTEX_USED */
#define RWLOCK_BLOCKED  1u
#define READER_SHIFT    3  /* of a read-write lock's readers; below it: */
#define WRLOCKED        2u /* a writer waits first in line, or writes */
#define WRPHASE         1u
#define READERS_MAX     65536u
#define PTHREAD_TID_AT  720
#define PTHREAD_SELF_AT 16

static pid_t other_thread(struct inner_tids *tids, pid_t waiter, uint32_t inner, uint64_t now_ns)
{
    pid_t tid = inner_tids_find_seldom(tids, inner, now_ns);
    return tid == waiter ? 0 : tid;
}

/* What lll_lock_wait() and its robust and priority-inheriting sisters wait in. */
static bool is_mutex(const uint8_t bytes[MUTEX_BYTES], uint32_t operation, uint32_t value,
                     uint32_t *inner)
{
    uint32_t word_;
    uint32_t word = WORD(bytes, 0), owner = WORD(bytes, 8), nusers = WORD(bytes, 12),
             kind = WORD(bytes, 16);
    if (kind & ~KIND_KNOWN)
        return false;
    if (operation == FUTEX_LOCK_PI || operation == FUTEX_LOCK_PI2) {
        *inner = word & FUTEX_TID_MASK;
        return (kind & KIND_PI) != 0;
    }
    if (operation != FUTEX_WAIT && operation != FUTEX_WAIT_BITSET)
        return false;
    if (kind & KIND_ROBUST) {
        *inner = word & FUTEX_TID_MASK;
        return word & FUTEX_WAITERS && value & FUTEX_WAITERS && *inner == owner;
    }
    *inner = owner;
    return !(kind & KIND_PI) && word == CONTENDED && value == CONTENDED && nusers > 0 &&
           nusers <= NUSERS_MAX;
}

/* before: the 12 bytes before the futex, the futex and 20 bytes after it. */
static pid_t rwlock_writer(struct inner_tids *tids, pid_t waiter, const uint8_t *around,
                           uint64_t now_ns, uint32_t *lock_before)
{
    uint32_t word_;
    /* The futex is wrphase_futex (+8) or writers_futex (+12); the writer's tid stands at +24. */
    static const uint32_t places[] = {8, 12};
    for (int i = 0; i < 2; i++) {
        uint32_t readers = WORD(around, 12 - places[i]);
        uint32_t writer = WORD(around, 12 - places[i] + 24);
        pid_t owner = readers & 1 ? other_thread(tids, waiter, writer, now_ns) : 0;
        if (owner) {
            *lock_before = places[i];
            return owner;
        }
    }
    return 0;
}

/* A writer waits until they have gone: in wrphase_futex itself, others behind it in writers_futex.
 * The futex alone is no proof; that nobody writes and a writer has announced itself is. */
static uint32_t rwlock_readers(const uint8_t *around, uint32_t value, uint32_t *lock_before)
{
    uint32_t word_, before = value == RWLOCK_USED ? 8 : 12;
    uint32_t word = WORD(around, 12 - before), writers = WORD(around, 24 - before);
    uint32_t writer = WORD(around, 12 - before + 24), readers = word >> READER_SHIFT;
    if (word & WRPHASE || !(word & WRLOCKED) || !readers || readers > READERS_MAX || writer ||
        !(writers & RWLOCK_BLOCKED) || writers & ~(RWLOCK_USED | RWLOCK_BLOCKED))
        return 0;
    *lock_before = before;
    return readers;
}

static pid_t joined_thread(struct inner_tids *tids, pid_t waiter, uint64_t address, uint32_t word,
                           uint64_t now_ns)
{
    uint64_t thread = address - PTHREAD_TID_AT, self;
    if (address < PTHREAD_TID_AT ||
        !remote_read(tids->pid, thread + PTHREAD_SELF_AT, &self, sizeof self) || self != thread)
        return 0;
    return other_thread(tids, waiter, word, now_ns);
}

struct lock lock_look(struct inner_tids *tids, pid_t waiter, const uint64_t args[6],
                      uint64_t now_ns)
{
    uint8_t around[12 + AFTER_BYTES];
    const uint8_t *at = around + 12;
    uint32_t word_, inner, before = 0;
    struct lock lock = {.kind = LOCK_UNKNOWN, .address = args[0]};
    uint32_t operation = (uint32_t)args[1] & (uint32_t)FUTEX_CMD_MASK, value = (uint32_t)args[2];
    struct remote_span spans[] = {{args[0], around + 12, AFTER_BYTES, false},
                                  {args[0] - 12, around, 12, false}};
    /* What lies before a page may be another mapping, and a read of it may wait (userfaultfd). */
    bool within = args[0] % PAGE_BYTES >= sizeof around - AFTER_BYTES;
    remote_read_spans(tids->pid, spans, within ? 2 : 1);
    if (!spans[0].ok)
        return lock;
    lock.words = hash_bytes(at, AFTER_BYTES);
    uint32_t word = WORD(at, 0);
    if (is_mutex(at, operation, value, &inner)) {
        lock.owner = other_thread(tids, waiter, inner, now_ns);
        if (lock.owner) {
            lock.kind = LOCK_MUTEX;
            return lock;
        }
        bool shared = !(args[1] & FUTEX_PRIVATE_FLAG);
        if (shared && !tids->namespaced && (pid_t)inner != waiter && inner) {
            lock.kind = LOCK_MUTEX;
            lock.process = (pid_t)inner;
            return lock;
        }
    }
    if (operation != FUTEX_WAIT && operation != FUTEX_WAIT_BITSET)
        return lock;
    if (spans[1].ok && value & RWLOCK_USED && !(value & ~(RWLOCK_USED | RWLOCK_BLOCKED)) &&
        word == value) {
        if (value & RWLOCK_BLOCKED)
            lock.owner = rwlock_writer(tids, waiter, around, now_ns, &before);
        if (!lock.owner)
            lock.readers = rwlock_readers(around, value, &before);
        if (lock.readers)
            lock.words = 0; /* they stand before the futex */
        if (lock.owner || lock.readers) {
            lock.kind = LOCK_RWLOCK;
            lock.address -= before;
            return lock;
        }
    }
    if (value && word == value) {
        lock.owner = joined_thread(tids, waiter, args[0], word, now_ns);
        lock.kind = lock.owner ? LOCK_JOIN : LOCK_UNKNOWN;
    }
    return lock;
}

bool lock_same(pid_t pid, uint64_t futex, uint64_t words)
{
    uint8_t now[AFTER_BYTES];
    return remote_read(pid, futex, now, sizeof now) && hash_bytes(now, sizeof now) == words;
}
