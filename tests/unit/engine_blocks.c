/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Blocks of this very process: freed, given out again, changed, kept; and pools of Python's that
 * are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/blocks.h"

/* A heap of our own making with glibc's headers: the compiler's sanitizers have another malloc. */
#define CHUNK 128u
static uint64_t *heap;

static uint64_t *chunk(unsigned i)
{
    return heap + i * CHUNK / 8 + 2;
}

static int make_heap(void **state)
{
    (void)state;
    heap = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(heap != MAP_FAILED);
    for (unsigned i = 0; i < 64; i++) {
        chunk(i)[-1] = CHUNK | 1; /* the one before is in use */
        for (unsigned k = 0; k < 14; k++)
            chunk(i)[k] = i * 1000 + k;
    }
    return 0;
}

static int end_heap(void **state)
{
    (void)state;
    return munmap(heap, 1 << 16);
}

static void add(struct blocks *b, enum heap_kind kind, uint64_t address, uint64_t size,
                uint64_t time_ns)
{
    struct block_call call = {.heap = kind,
                              .address = address,
                              .size = size,
                              .time_ns = time_ns,
                              .stack = (uint32_t)time_ns};
    blocks_add(b, &call, b->list.n);
}

static struct blocks *blocks_of(unsigned n)
{
    struct blocks *b = xcalloc(1, sizeof *b);
    blocks_init(b, getpid(), NULL);
    for (unsigned i = 0; i < n; i++)
        add(b, HEAP_GLIBC, (uint64_t)(uintptr_t)chunk(i), 0, i);
    blocks_look(b, 0);
    return b;
}

static void end(struct blocks *b)
{
    blocks_clear(b);
    free(b);
}

static void what_is_as_it_was_stays(void **state)
{
    (void)state;
    struct blocks *b = blocks_of(40);
    chunk(3)[0]++;         /* written to */
    chunk(5)[-1] = 64 | 1; /* now part of something else */
    chunk(8)[-1] &= ~1ull; /* the one before, 7, was freed */
    chunk(9)[13]++;        /* far behind a beginning that is its own */
    chunk(11)[-1] = 8 | 1; /* nonsense for a size */
    blocks_judge(b, 0, 20);
    for (unsigned i = 0; i < 20; i++) {
        bool gone = i == 3 || i == 5 || i == 7 || i == 11;
        assert_int_equal(b->list.at[i].fate, gone ? BLOCK_GONE : BLOCK_STAYS);
    }
    assert_int_equal(b->list.at[20].fate, BLOCK_YOUNG);
    assert_int_equal(b->list.at[0].size, CHUNK - 8);
    end(b);
}

static void a_common_beginning_is_not_enough(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 10; i++)
        memset(chunk(i), 'x', 40);
    struct blocks *b = blocks_of(10);
    chunk(4)[5]++;  /* in the words that are kept */
    chunk(6)[12]++; /* behind them */
    blocks_judge(b, 0, 10);
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(b->list.at[i].fate, i == 4 || i == 6 ? BLOCK_GONE : BLOCK_STAYS);
    end(b);
}

static void what_was_given_out_again_is_gone(void **state)
{
    (void)state;
    struct blocks *b = blocks_of(4);
    add(b, HEAP_GLIBC, (uint64_t)(uintptr_t)chunk(2), 0, 9);
    blocks_look(b, 4);
    blocks_judge(b, 0, 5);
    assert_int_equal(b->list.at[1].fate, BLOCK_STAYS);
    assert_int_equal(b->list.at[2].fate, BLOCK_GONE);
    assert_int_equal(b->list.at[4].fate, BLOCK_STAYS);
    end(b);
}

static void what_others_were_given_since_is_gone(void **state)
{
    (void)state;
    struct blocks *b = blocks_of(4);
    blocks_given_again(b, (uint64_t)(uintptr_t)chunk(1));
    blocks_given_again(b, (uint64_t)(uintptr_t)chunk(30)); /* of which nothing is known */
    blocks_given_again(b, 0);
    blocks_judge(b, 0, 4);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(b->list.at[i].fate, i == 1 ? BLOCK_GONE : BLOCK_STAYS);
    end(b);
}

static void links_to_a_neighbour_are_told(void **state)
{
    (void)state;
    struct blocks *b = blocks_of(0);
    uint64_t at[] = {0, 1, 2, 3};
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint64_t)(uintptr_t)chunk(i);
    *chunk(0) = at[1];      /* a link */
    *chunk(1) = at[1] + 16; /* into itself */
    *chunk(2) = at[1] + 1;  /* no address of a block */
    *chunk(3) = 1ull << 40; /* far away */
    for (unsigned i = 0; i < 4; i++)
        add(b, HEAP_OTHER, at[i], CHUNK - 8, i);
    add(b, HEAP_GLIBC, at[0], 0, 4); /* says itself what is free */
    blocks_look(b, 0);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(blocks_begins_with_link(&b->list.at[i]), i == 0);
    end(b);
}

/* The bytes of the last block that are new, after it was added. */
static void new_after(struct blocks *b, const struct block_call *call, size_t first, double *least,
                      double *most)
{
    blocks_add(b, call, first);
    blocks_new_bytes(vec_last(&b->list), least, most);
}

static void of_what_is_resized_its_growth_is_new(void **state)
{
    (void)state;
    struct blocks *b = blocks_of(0);
    double least, most;
    struct block_call call = {.heap = HEAP_OTHER, .address = 4096, .size = 1000};
    new_after(b, &call, 0, &least, &most);
    assert_true(least == 1000 && most == 1000);
    /* In the same burst each call was seen: it is one block that was made with 1,200 bytes. */
    call = (struct block_call){.heap = HEAP_OTHER, .address = 8192, .size = 1200, .old = 4096};
    new_after(b, &call, 0, &least, &most);
    assert_true(least == 1200 && most == 1200);
    assert_int_equal(b->list.at[0].fate, BLOCK_GONE);
    /* In a later one, what it grew by since is the most that this call can have added. */
    call.size = 1500, call.address = call.old = 8192;
    new_after(b, &call, 2, &least, &most);
    assert_true(least == 0 && most == 300);
    call.size = 1600;
    new_after(b, &call, 2, &least, &most);
    assert_true(least == 100 && most == 100);
    /* Of a block that was never seen nothing is known, until it is resized once more. */
    call = (struct block_call){.heap = HEAP_OTHER, .address = 64, .size = 90000, .old = 128};
    new_after(b, &call, 4, &least, &most);
    assert_true(least == 0 && most == 90000);
    call.size = 90100, call.old = 64;
    new_after(b, &call, 4, &least, &most);
    assert_true(least == 100 && most == 100);
    end(b);
}

static void blocks_in_a_tcache_are_free(void **state)
{
    (void)state;
    for (unsigned i = 10; i < 20; i++) {
        chunk(i)[0] = (uint64_t)(uintptr_t)chunk(i) >> 12 ^ (uint64_t)(uintptr_t)chunk(i + 1);
        chunk(i)[1] = 0xfeedfacecafebeef;
    }
    struct blocks *b = blocks_of(30);
    blocks_judge(b, 0, 30);
    for (unsigned i = 0; i < 30; i++)
        assert_int_equal(b->list.at[i].fate, i >= 10 && i < 20 ? BLOCK_GONE : BLOCK_STAYS);
    end(b);
}

static void what_cannot_be_read_says_nothing(void **state)
{
    (void)state;
    struct blocks *b = blocks_of(2);
    add(b, HEAP_GLIBC, 8, 0, 2);
    add(b, HEAP_OTHER, 1ull << 46, 100, 3);
    blocks_look(b, 2);
    blocks_judge(b, 0, 4);
    assert_int_equal(b->list.at[1].fate, BLOCK_STAYS);
    assert_int_equal(b->list.at[2].fate, BLOCK_UNSEEN);
    assert_int_equal(b->list.at[3].fate, BLOCK_UNSEEN);
    char name[16];
    blocks_type_name(b, &b->list.at[0], name, sizeof name);
    assert_string_equal(name, "");
    end(b);
}

static void put32(uint8_t *pool, size_t at, uint32_t value)
{
    memcpy(pool + at, &value, sizeof value);
}

static void put64(uint8_t *pool, size_t at, uint64_t value)
{
    memcpy(pool + at, &value, sizeof value);
}

static void pools_say_what_is_free(void **state)
{
    (void)state;
    static uint8_t pool[PYMALLOC_POOL_MAX];
    const struct pymalloc m = {.pool_bytes = PYMALLOC_POOL_MAX};
    const uint64_t at = 0x7f0000004000;
    uint32_t size;
    put32(pool, 0, 20);            /* blocks in use */
    put32(pool, 36, 3);            /* of 64 bytes */
    put32(pool, 40, 48 + 64 * 30); /* the next that was never given out */
    put64(pool, 8, at + 48 + 64 * 5);
    put64(pool, 48 + 64 * 5, at + 48 + 64 * 9);
    put64(pool, 48 + 64 * 9, 0);
    assert_int_equal(pymalloc_block(&m, at, pool, at + 48, &size), BLOCK_USED);
    assert_int_equal(size, 64);
    assert_int_equal(pymalloc_block(&m, at, pool, at + 48 + 64 * 5, &size), BLOCK_FREE);
    assert_int_equal(pymalloc_block(&m, at, pool, at + 48 + 64 * 9, &size), BLOCK_FREE);
    assert_int_equal(pymalloc_block(&m, at, pool, at + 48 + 64 * 30, &size), BLOCK_FREE);
    assert_int_equal(pymalloc_block(&m, at, pool, at + 48 + 8, &size), BLOCK_NONE);
    assert_int_equal(pymalloc_block(&m, at, pool, at + 16, &size), BLOCK_NONE);
    /* A list that goes round, or out of the pool, ends. */
    put64(pool, 48 + 64 * 9, at + 48 + 64 * 5);
    assert_int_equal(pymalloc_block(&m, at, pool, at + 48, &size), BLOCK_USED);
    put64(pool, 48 + 64 * 9, at - 64);
    assert_int_equal(pymalloc_block(&m, at, pool, at + 48, &size), BLOCK_USED);
    put64(pool, 48 + 64 * 9, at + PYMALLOC_POOL_MAX - 4);
    assert_int_equal(pymalloc_block(&m, at, pool, at + 48, &size), BLOCK_USED);
    memset(pool, 0xff, sizeof pool);
    assert_int_equal(pymalloc_block(&m, at, pool, at + 48, &size), BLOCK_NONE);
    memset(pool, 0, sizeof pool);
    assert_int_equal(pymalloc_block(&m, at, pool, at + 48, &size), BLOCK_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_as_it_was_stays, make_heap, end_heap),
        cmocka_unit_test_setup_teardown(a_common_beginning_is_not_enough, make_heap, end_heap),
        cmocka_unit_test_setup_teardown(what_was_given_out_again_is_gone, make_heap, end_heap),
        cmocka_unit_test_setup_teardown(what_others_were_given_since_is_gone, make_heap, end_heap),
        cmocka_unit_test_setup_teardown(links_to_a_neighbour_are_told, make_heap, end_heap),
        cmocka_unit_test_setup_teardown(of_what_is_resized_its_growth_is_new, make_heap, end_heap),
        cmocka_unit_test_setup_teardown(blocks_in_a_tcache_are_free, make_heap, end_heap),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_says_nothing, make_heap, end_heap),
        cmocka_unit_test(pools_say_what_is_free),
    };
    return cmocka_run_group_tests_name("engine_blocks", tests, NULL, NULL);
}
