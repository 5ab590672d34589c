/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Real ELF files with flipped bytes, cut short, and with gigantic numbers, read by everything here
 * that reads such files: nothing crashes (under the sanitizers: nothing reads out of bounds),
 * everything ends soon. This program is its own child for lines, by SYMBOLIZER_SERVE.
 */
#include "native_test.h"

#include <elf.h>

#include "native/elf_file.h"
#include "native/elf_symbol.h"
#include "native/go_table.h"
#include "native/symbolizer.h"
#include "native/symbols.h"
#include "native/unwind.h"

#define FRAMES   64
#define LIMIT_NS (60 * NS_PER_S) /* for all rounds of one file; a loop without end takes longer */

static struct capture capture;
static unsigned seed = 20;

struct image {
    uint8_t *bytes;
    size_t size;
};

static struct image load(const char *path)
{
    struct image image = {.size = 0};
    struct stat st;
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    assert_int_equal(fstat(fileno(f), &st), 0);
    image.size = (size_t)st.st_size;
    image.bytes = xmalloc(image.size);
    assert_int_equal(fread(image.bytes, 1, image.size, f), image.size);
    fclose(f);
    return image;
}

static void store(const char *path, const struct image *image, size_t size)
{
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_int_equal(fwrite(image->bytes, 1, size, f), size);
    fclose(f);
    chmod(path, 0755);
}

/* A section by its name: its header within the image. */
static Elf64_Shdr *section(const struct image *image, const char *name)
{
    Elf64_Ehdr *eh = (Elf64_Ehdr *)image->bytes;
    Elf64_Shdr *sh = (Elf64_Shdr *)(image->bytes + eh->e_shoff);
    for (unsigned i = 0; i < eh->e_shnum; i++)
        if (!strcmp((char *)image->bytes + sh[eh->e_shstrndx].sh_offset + sh[i].sh_name, name))
            return &sh[i];
    return NULL;
}

static void flip(struct image *image, size_t from, size_t size, unsigned count)
{
    static const uint8_t bad[] = {0, 1, 0x7f, 0x80, 0xff};
    for (unsigned i = 0; i < count && size; i++) {
        size_t at = from + (size_t)rand_r(&seed) % size;
        unsigned how = (unsigned)rand_r(&seed);
        if (at < image->size)
            image->bytes[at] = how & 1 ? (uint8_t)rand_r(&seed) : bad[how / 2 % sizeof bad];
    }
}

/* All that reads a file in this process. */
static void read_all(const char *path)
{
    static struct symbol symbol;
    static const char *const names[] = {"middle", "main.main", "no such name"};
    struct elf_file elf;
    struct elf_range range;
    size_t which, size;
    uint64_t start, end;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct elf_symbols *by_name = elf_symbols_open(fd);
    if (by_name) {
        elf_symbols_find(by_name, names, 3, &range, &which);
        elf_symbols_section(by_name, ".eh_frame", &range);
        elf_symbols_section_bytes(by_name, ".eh_frame", 4096, &size);
        elf_symbols_vaddr(by_name, 0x1234, &start);
        elf_symbols_close(by_name);
    }
    if (elf_file_open(&elf, fd)) { /* closes fd */
        for (int i = 0; i < 200; i++) {
            uint64_t vaddr = i ? (uint64_t)rand_r(&seed) % 0x600000 : UINT64_MAX;
            if (elf_file_function(&elf, vaddr, &start, &end))
                assert_true(start <= vaddr);
        }
        elf_file_close(&elf);
    }
    struct symbols *s = symbols_open(0, path, "", NULL);
    for (int i = 0; i < 200; i++)
        if (symbols_find(s, (uint64_t)rand_r(&seed) % 0x600000, &symbol))
            assert_true(strlen(symbol.name) < sizeof symbol.name);
    symbols_free(s);
}

/* Rounds over one file; areas that matter are hit more often than their share. */
static void check_file(const char *good, unsigned rounds)
{
    static const char *const areas[] = {
        ".symtab",     ".strtab",    ".dynsym",    ".eh_frame_hdr",
        ".eh_frame",   ".shstrtab",  ".gopclntab", ".note.gnu.build-id",
        ".debug_info", ".debug_line"};
    struct image image = load(good);
    char *bad = xasprintf("%s/bad", test_folder);
    uint64_t from_ns = clock_mono_ns();
    struct image altered = {.bytes = xmalloc(image.size), .size = image.size};
    for (unsigned round = 0; round < rounds; round++) {
        memcpy(altered.bytes, image.bytes, image.size);
        const Elf64_Shdr *sh = section(&image, areas[round % 10]);
        const Elf64_Ehdr *eh = (const Elf64_Ehdr *)image.bytes;
        size_t size = image.size, some = 1u << round % 8;
        if (sh)
            flip(&altered, sh->sh_offset, sh->sh_size, (unsigned)some * 4);
        if (round % 3 == 0)
            flip(&altered, eh->e_shoff, (size_t)eh->e_shnum * sizeof *sh, (unsigned)some);
        if (round % 5 == 0)
            flip(&altered, 5, 64 + 20 * sizeof(Elf64_Phdr), 1 + (unsigned)some / 8);
        if (round % 7 == 0)
            size = (size_t)rand_r(&seed) % image.size;
        store(bad, &altered, size);
        read_all(bad);
    }
    double took_s = (double)(clock_mono_ns() - from_ns) / 1e9;
    print_message("# %u of %zu KB in %.2f s\n", rounds, image.size / 1024, took_s);
    assert_true(clock_mono_ns() - from_ns < LIMIT_NS);
    free(image.bytes);
    free(altered.bytes);
    free(bad);
}

static void test_flipped(void **state)
{
    (void)state;
    char *p = build("cc", "native_chain.c", "-O1 -g -rdynamic");
    check_file(p, 300);
    free(p);
}

static void test_flipped_static(void **state)
{
    (void)state;
    char *p = build("cc", "native_chain.c", "-O1 -static -Wl,--no-eh-frame-hdr");
    check_file(p, 60);
    free(p);
}

static void test_flipped_compressed(void **state)
{
    (void)state;
    char *p = build("cc", "native_chain.c", "-O1 -g -gz=zlib");
    assert_int_equal(shell("objcopy --compress-debug-sections=zlib '%s'", p), 0);
    check_file(p, 100);
    free(p);
}

static void test_flipped_go(void **state)
{
    (void)state;
    char *source = program_source("native_work.go"), *p = xasprintf("%s/go-work", test_folder);
    if (shell("command -v go >/dev/null")) {
        print_message("# no Go on this machine\n");
        free(source);
        free(p);
        skip();
    }
    assert_int_equal(shell("GOCACHE='%s/cache' GO111MODULE=off go build -ldflags='-s -w' -o '%s' "
                           "'%s'",
                           test_folder, p, source),
                     0);
    check_file(p, 60);
    /* The table alone, every header byte. */
    struct image image = load(p);
    const Elf64_Shdr *sh = section(&image, ".gopclntab");
    assert_non_null(sh);
    struct go_table table;
    assert_true(go_table_parse(&table, image.bytes + sh->sh_offset, sh->sh_size, 0));
    assert_true(table.list.n > 1000);
    go_table_clear(&table);
    uint8_t *copy = xmalloc(sh->sh_size);
    for (unsigned i = 0; i < 72 * 4; i++) {
        memcpy(copy, image.bytes + sh->sh_offset, sh->sh_size);
        copy[i / 4] = (uint8_t)(i % 4 == 0 ? 0xff : rand_r(&seed));
        go_table_parse(&table, copy, i % 4 == 3 ? (size_t)rand_r(&seed) % 200 : sh->sh_size, 0);
        go_table_clear(&table);
    }
    free(copy);
    free(image.bytes);
    free(source);
    free(p);
}

/* Lines of debug information with flipped bytes: the child may die, an answer comes. */
static void test_flipped_lines(void **state)
{
    (void)state;
    char *p = build("cc", "native_chain.c", "-O1 -g"), *bad = xasprintf("%s/bad", test_folder);
    static const char *const areas[] = {".debug_info", ".debug_abbrev", ".debug_line", ".debug_str",
                                        ".debug_aranges"};
    struct image image = load(p);
    struct image altered = {.bytes = xmalloc(image.size), .size = image.size};
    uint64_t from_ns = clock_mono_ns();
    for (unsigned round = 0; round < 100; round++) {
        memcpy(altered.bytes, image.bytes, image.size);
        const Elf64_Shdr *sh = section(&image, areas[round % 5]);
        assert_non_null(sh);
        flip(&altered, sh->sh_offset, sh->sh_size, 1u << round % 6);
        store(bad, &altered, image.size);
        struct symbolizer *s = symbolizer_new(0);
        struct symbol_places places;
        symbolizer_set_limit(s, NS_PER_S);
        for (uint64_t offset = 0x1080; offset < 0x1600; offset += 0x55) {
            symbolizer_lines(s, bad, "", offset, &places);
            symbol_places_clear(&places);
        }
        symbolizer_free(s);
    }
    print_message("# 100 in %.2f s\n", (double)(clock_mono_ns() - from_ns) / 1e9);
    assert_true(clock_mono_ns() - from_ns < 2 * LIMIT_NS);
    free(image.bytes);
    free(altered.bytes);
    free(bad);
    free(p);
}

/* It runs, but what its file says of unwinding is wrong. */
static void test_flipped_unwinding(void **state)
{
    (void)state;
    static struct native_frame frames[FRAMES];
    char *p = build("cc", "native_chain.c", "-O1 -g"), *bad = NULL;
    struct image image = load(p);
    struct image altered = {.bytes = xmalloc(image.size), .size = image.size};
    const Elf64_Shdr *table = section(&image, ".eh_frame_hdr"), *eh = section(&image, ".eh_frame");
    assert_true(table && eh);
    uint64_t from_ns = clock_mono_ns();
    unsigned complete = 0, rounds = 60;
    for (unsigned round = 0; round < rounds; round++) {
        memcpy(altered.bytes, image.bytes, image.size);
        const Elf64_Shdr *sh = round % 3 ? eh : table;
        flip(&altered, sh->sh_offset, sh->sh_size, 1u << round % 7);
        bad = xasprintf("%s/bad%u", test_folder, round);
        store(bad, &altered, image.size);
        char *argv[] = {bad, "spin", NULL};
        struct running r = run(argv);
        wait_ready(r);
        struct unwinder *u = unwinder_new(r.pid);
        for (int i = 0; i < 5; i++) {
            enum walk_end how;
            uint32_t elided;
            capture_stopped(r.pid, &capture);
            size_t n = unwinder_walk(u, &capture, frames, FRAMES, &how, &elided);
            assert_in_range(n, 1, FRAMES);
            complete += how == WALK_COMPLETE;
        }
        unwinder_free(u);
        end(r);
        unlink(bad);
        free(bad);
    }
    print_message("# %u of %u walks complete all the same, %.2f s\n", complete, rounds * 5,
                  (double)(clock_mono_ns() - from_ns) / 1e9);
    assert_true(clock_mono_ns() - from_ns < LIMIT_NS);
    free(image.bytes);
    free(altered.bytes);
    free(p);
}

/* Sparse files whose tables claim to be as large as numbers go. */
static void test_gigantic(void **state)
{
    (void)state;
    char *p = build("cc", "native_chain.c", "-O1 -g"), *bad = xasprintf("%s/bad", test_folder);
    static const uint64_t sizes[] = {300ull << 20, 1ull << 33, 1ull << 40, UINT64_MAX - 7};
    static const char *const tables[] = {".symtab", ".strtab", ".eh_frame", ".eh_frame_hdr",
                                         ".shstrtab"};
    struct image image = load(p);
    uint64_t from_ns = clock_mono_ns();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
            Elf64_Shdr *sh = section(&image, tables[t]), before = *sh;
            sh->sh_size = sizes[i];
            if (t == 0)
                sh->sh_offset = image.size; /* all zeros */
            store(bad, &image, image.size);
            assert_int_equal(truncate(bad, (off_t)4 << 30), 0);
            read_all(bad);
            *sh = before;
        }
    print_message("# %.2f s\n", (double)(clock_mono_ns() - from_ns) / 1e9);
    assert_true(clock_mono_ns() - from_ns < LIMIT_NS);
    free(image.bytes);
    free(bad);
    free(p);
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], SYMBOLIZER_SERVE))
        return symbolizer_serve(atoi(argv[2]));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flipped),
        cmocka_unit_test(test_flipped_static),
        cmocka_unit_test(test_flipped_compressed),
        cmocka_unit_test(test_flipped_go),
        cmocka_unit_test(test_flipped_lines),
        cmocka_unit_test(test_flipped_unwinding),
        cmocka_unit_test(test_gigantic),
    };
    return cmocka_run_group_tests_name("native_hostile", tests, make_folder, remove_folder);
}
