/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See elf_file.h. Reads go through a small direct-mapped cache of 4 KB pages: a binary search of
 * the .eh_frame_hdr table and the decoding of one FDE touch few pages but many words.
 */
#include "native/elf_file.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "native/eh_table.h"

#define PAGE_SIZE           4096u
#define PAGES               8u
#define PROGRAM_HEADERS_MAX 256u
#define NOTES_SIZE_MAX      65536u
#define SECTIONS_MAX        65536u
#define SCAN_MAX            65536u /* bytes of code that are searched for a function's beginning */
#define UNCOVERED_MAX       4096u  /* a longer piece without FDEs is not one function */

/* Encodings of pointers in .eh_frame_hdr (LSB 5.0, 10.5 and 10.6.2). */
#define EH_UDATA4  0x03
#define EH_SDATA4  0x0b
#define EH_PCREL   0x10
#define EH_DATAREL 0x30

struct elf_page {
    uint64_t number; /* offset / PAGE_SIZE + 1; 0: nothing */
    size_t size;
    uint8_t bytes[PAGE_SIZE];
};

static size_t read_at(const struct elf_file *f, uint64_t offset, void *to, size_t size)
{
    if (offset >= f->size_bytes)
        return 0;
    if (size > f->size_bytes - offset)
        size = (size_t)(f->size_bytes - offset);
    if (f->image) {
        memcpy(to, f->image + offset, size);
        return size;
    }
    if (f->fd < 0)
        return 0;
    size_t done = 0;
    while (done < size) {
        ssize_t n = pread(f->fd, (char *)to + done, size - done, (off_t)(offset + done));
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    return done;
}

bool elf_file_pread(struct elf_file *f, uint64_t offset, void *to, size_t size)
{
    return read_at(f, offset, to, size) == size;
}

static bool read_cached(struct elf_file *f, uint64_t offset, void *to, size_t size)
{
    if (f->image)
        return read_at(f, offset, to, size) == size;
    if (!f->pages)
        f->pages = xcalloc(PAGES, sizeof *f->pages);
    while (size) {
        uint64_t number = offset / PAGE_SIZE;
        struct elf_page *page = &f->pages[number % PAGES];
        if (page->number != number + 1) {
            page->size = read_at(f, number * PAGE_SIZE, page->bytes, PAGE_SIZE);
            page->number = page->size ? number + 1 : 0;
        }
        size_t at = (size_t)(offset % PAGE_SIZE);
        if (at >= page->size)
            return false;
        size_t n = page->size - at < size ? page->size - at : size;
        memcpy(to, page->bytes + at, n);
        to = (char *)to + n;
        offset += n;
        size -= n;
    }
    return true;
}

bool elf_file_read(struct elf_file *f, uint64_t vaddr, void *to, size_t size)
{
    uint64_t in_table = vaddr - ELF_MADE_TABLE, table_size = f->eh_table_size * 8;
    if (f->eh_made && in_table < table_size && size <= table_size - in_table) {
        memcpy(to, (const uint8_t *)f->eh_made + in_table, size);
        return true;
    }
    for (size_t i = 0; i < f->n_segments; i++) {
        const struct elf_segment *s = &f->segments[i];
        uint64_t at = vaddr - s->vaddr;
        if (!s->writable && at < s->file_size && size <= s->file_size - at)
            return read_cached(f, s->offset + at, to, size);
    }
    return false;
}

bool elf_file_code_vaddr(const struct elf_file *f, uint64_t offset, uint64_t *vaddr)
{
    for (size_t i = 0; i < f->n_segments; i++) {
        const struct elf_segment *s = &f->segments[i];
        /* Whole pages are mapped: the mapping may begin before the segment, in bytes that belong
         * to its neighbour in the file. */
        uint64_t slack = s->offset % PAGE_SIZE;
        if (s->executable && offset - (s->offset - slack) < s->file_size + slack) {
            *vaddr = offset - s->offset + s->vaddr;
            return true;
        }
    }
    return false;
}

static void parse_notes(struct elf_file *f, const Elf64_Phdr *ph)
{
    if (f->build_id[0] || ph->p_filesz > NOTES_SIZE_MAX)
        return;
    size_t size = (size_t)ph->p_filesz;
    uint8_t *notes = xmalloc(size ? size : 1);
    size = read_at(f, ph->p_offset, notes, size);
    for (size_t at = 0; size - at >= sizeof(Elf64_Nhdr);) {
        Elf64_Nhdr n;
        memcpy(&n, notes + at, sizeof n);
        at += sizeof n;
        uint64_t name_size = ((uint64_t)n.n_namesz + 3) & ~3ull;
        uint64_t desc_size = ((uint64_t)n.n_descsz + 3) & ~3ull;
        if (name_size > size - at || n.n_descsz > size - at - name_size)
            break;
        const uint8_t *desc = notes + at + name_size;
        if (n.n_type == NT_GNU_BUILD_ID && n.n_namesz == 4 && !memcmp(notes + at, "GNU", 4) &&
            n.n_descsz <= (BUILD_ID_TEXT_MAX - 1) / 2) {
            for (uint32_t i = 0; i < n.n_descsz; i++)
                snprintf(f->build_id + 2 * i, 3, "%02x", desc[i]);
            break;
        }
        if (desc_size > size - at - name_size)
            break;
        at += name_size + desc_size;
    }
    free(notes);
}

/* Only the usual form is taken: a table of (function, FDE) as int32 relative to the header's own
 * address, sorted. Everything that makes executables for Linux writes it so. */
static void parse_eh_frame_hdr(struct elf_file *f, uint64_t vaddr, uint64_t size)
{
    uint8_t head[12];
    if (size < sizeof head || !elf_file_read(f, vaddr, head, sizeof head))
        return;
    if (head[0] != 1 || head[1] != (EH_PCREL | EH_SDATA4) || head[2] != EH_UDATA4 ||
        head[3] != (EH_DATAREL | EH_SDATA4))
        return;
    uint32_t count;
    memcpy(&count, head + 8, sizeof count);
    if (count > (size - sizeof head) / 8)
        count = (uint32_t)((size - sizeof head) / 8);
    if (!count)
        return;
    f->eh_base = vaddr;
    f->eh_table = vaddr + sizeof head;
    f->eh_table_size = count;
}

/* Static executables have no .eh_frame_hdr: the section .eh_frame is looked for instead. */
static void make_eh_table(struct elf_file *f, const Elf64_Ehdr *eh)
{
    Elf64_Shdr names, sh;
    if (eh->e_shentsize != sizeof sh || eh->e_shstrndx >= eh->e_shnum ||
        read_at(f, eh->e_shoff + (uint64_t)eh->e_shstrndx * sizeof sh, &names, sizeof names) !=
            sizeof names)
        return;
    for (uint32_t i = 0; i < eh->e_shnum && i < SECTIONS_MAX; i++) {
        char name[sizeof ".eh_frame"];
        if (read_at(f, eh->e_shoff + (uint64_t)i * sizeof sh, &sh, sizeof sh) != sizeof sh)
            return;
        if (!(sh.sh_flags & SHF_ALLOC) || sh.sh_type == SHT_NOBITS || sh.sh_name > names.sh_size ||
            read_at(f, names.sh_offset + sh.sh_name, name, sizeof name) != sizeof name ||
            memcmp(name, ".eh_frame", sizeof name) || sh.sh_size > EH_FRAME_SIZE_MAX)
            continue;
        uint8_t *bytes = xmalloc((size_t)sh.sh_size + 1);
        size_t size = read_at(f, sh.sh_offset, bytes, (size_t)sh.sh_size), n;
        f->eh_made = eh_table_make(bytes, size, sh.sh_addr, &n);
        free(bytes);
        if (n) {
            f->eh_base = sh.sh_addr;
            f->eh_table = ELF_MADE_TABLE;
            f->eh_table_size = n;
        }
        return;
    }
}

static bool parse(struct elf_file *f)
{
    Elf64_Ehdr eh;
    if (read_at(f, 0, &eh, sizeof eh) != sizeof eh || memcmp(eh.e_ident, ELFMAG, SELFMAG) ||
        eh.e_ident[EI_CLASS] != ELFCLASS64 || eh.e_ident[EI_DATA] != ELFDATA2LSB ||
        eh.e_machine != EM_X86_64 || eh.e_phentsize != sizeof(Elf64_Phdr))
        return false;
    Elf64_Phdr eh_frame = {0};
    for (uint32_t i = 0; i < eh.e_phnum && i < PROGRAM_HEADERS_MAX; i++) {
        Elf64_Phdr ph;
        uint64_t at = eh.e_phoff + (uint64_t)i * sizeof ph;
        if (read_at(f, at, &ph, sizeof ph) != sizeof ph)
            break;
        if (ph.p_type == PT_LOAD && f->n_segments < ELF_SEGMENTS_MAX)
            f->segments[f->n_segments++] = (struct elf_segment){
                .vaddr = ph.p_vaddr,
                .file_size = ph.p_filesz,
                .offset = ph.p_offset,
                .writable = ph.p_flags & PF_W,
                .executable = ph.p_flags & PF_X,
            };
        else if (ph.p_type == PT_NOTE)
            parse_notes(f, &ph);
        else if (ph.p_type == PT_GNU_EH_FRAME)
            eh_frame = ph;
    }
    if (eh_frame.p_type)
        parse_eh_frame_hdr(f, eh_frame.p_vaddr, eh_frame.p_memsz);
    if (!f->eh_base)
        make_eh_table(f, &eh);
    return true;
}

bool elf_file_open(struct elf_file *f, int fd)
{
    struct stat st;
    memset(f, 0, sizeof *f);
    f->fd = fd;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        f->size_bytes = (uint64_t)st.st_size;
        f->device = st.st_dev;
        f->inode = st.st_ino;
        if (parse(f))
            return true;
    }
    elf_file_close(f);
    return false;
}

bool elf_file_open_image(struct elf_file *f, uint8_t *image, size_t size)
{
    memset(f, 0, sizeof *f);
    f->fd = -1;
    f->image = image;
    f->size_bytes = size;
    if (parse(f))
        return true;
    elf_file_close(f);
    return false;
}

void elf_file_close(struct elf_file *f)
{
    elf_file_park(f);
    free(f->image);
    free(f->pages);
    free(f->eh_made);
    memset(f, 0, sizeof *f);
    f->fd = -1;
}

void elf_file_park(struct elf_file *f)
{
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
}

bool elf_file_unpark(struct elf_file *f, int fd)
{
    struct stat st;
    if (fstat(fd, &st) == 0 && st.st_dev == f->device && st.st_ino == f->inode) {
        f->fd = fd;
        return true;
    }
    close(fd);
    return false;
}

static bool table_row(struct elf_file *f, uint64_t i, uint64_t *start, uint64_t *fde)
{
    int32_t row[2];
    if (!elf_file_read(f, f->eh_table + i * 8, row, sizeof row))
        return false;
    *start = f->eh_base + (uint64_t)(int64_t)row[0];
    *fde = f->eh_base + (uint64_t)(int64_t)row[1];
    return true;
}

/* Up to size bytes of a CIE or FDE, without its length; how many. */
static size_t read_entry(struct elf_file *f, uint64_t vaddr, uint8_t *to, size_t size)
{
    uint32_t length;
    if (!elf_file_read(f, vaddr, &length, sizeof length))
        return 0;
    if (length < size)
        size = length;
    while (size > 4 && !elf_file_read(f, vaddr + 4, to, size))
        size /= 2; /* the section's end */
    return size > 4 ? size : 0;
}

/* How much code the FDE there covers; false if that cannot be told. */
static bool fde_covers(struct elf_file *f, uint64_t vaddr, uint64_t *covers)
{
    uint8_t fde[24], cie[64]; /* as much as is looked at */
    size_t fde_size = read_entry(f, vaddr, fde, sizeof fde);
    uint32_t id;
    if (!fde_size)
        return false;
    memcpy(&id, fde, sizeof id);
    size_t cie_size = id ? read_entry(f, vaddr + 4 - id, cie, sizeof cie) : 0;
    return eh_fde_covers(cie, cie_size, fde, fde_size, covers) && *covers;
}

/* In code that has no FDEs, functions mostly keep frame pointers (chromium): the last place from
 * *start to vaddr at which one begins so. */
static bool find_prologue(struct elf_file *f, uint64_t vaddr, uint64_t *start)
{
    static const uint8_t prologue[] = {0x55, 0x48, 0x89, 0xe5}; /* push %rbp; mov %rsp, %rbp */
    uint8_t code[1024 + sizeof prologue - 1];
    uint64_t least = vaddr - *start > SCAN_MAX ? vaddr - SCAN_MAX : *start;
    for (uint64_t end = vaddr + 1, at; end > least; end = at) {
        at = end - least > 1024 ? end - 1024 : least;
        size_t size = (size_t)(end - at) + sizeof prologue - 1;
        if (!elf_file_read(f, at, code, size))
            return false;
        for (size_t i = (size_t)(end - at); i-- > 0;)
            if (!memcmp(code + i, prologue, sizeof prologue)) {
                *start = at + i;
                return true;
            }
    }
    return false;
}

bool elf_file_function(struct elf_file *f, uint64_t vaddr, uint64_t *start, uint64_t *end)
{
    uint64_t low = 0, high = f->eh_table_size, at, fde, covers;
    while (low < high) {
        uint64_t mid = low + (high - low) / 2;
        if (!table_row(f, mid, &at, &fde))
            return false;
        if (at <= vaddr)
            low = mid + 1;
        else
            high = mid;
    }
    if (!low || low > f->eh_table_size || (low < f->eh_table_size && !table_row(f, low, end, &fde)))
        return false;
    if (low == f->eh_table_size)
        *end = UINT64_MAX;
    if (!table_row(f, low - 1, start, &fde))
        return false;
    if (*start > vaddr || !fde_covers(f, fde, &covers) || covers > *end - *start)
        return *start <= vaddr;
    if (vaddr - *start < covers) {
        *end = *start + covers;
        return true;
    }
    *start += covers;
    return find_prologue(f, vaddr, start) || vaddr - *start < UNCOVERED_MAX;
}
