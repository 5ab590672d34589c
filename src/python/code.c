/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cache of code objects. Everything in it is bounded: entries, bytes of names, remembered
 * lines; a process that makes code objects without end gets "?" for the newest of them.
 */
#include "python/code.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/vec.h"
#include "python/method.h"
#include "python/object.h"
#include "target/remote.h"

#define CODE_BYTES_MAX   1024
#define CODES_MAX        (1u << 20)
#define TEXT_BYTES_MAX   (64u << 20)
#define LINES_CACHED_MAX (1u << 20)
#define LINE_TABLE_MAX   (1u << 20)
#define TRIES_MAX        3
#define CHECK_LEAST_NS   (5 * NS_PER_MS)

struct codes {
    pid_t pid;
    const struct layout *layout;
    size_t code_bytes;  /* of a code object that are read */
    uint64_t code_type; /* address of `code`, the type; 0: not met yet */
    uint32_t next_uid;
    VEC(struct code) list;
    struct map by_address;
    struct map lines; /* uid and offset -> line */
    VEC(char *) texts;
    struct map by_text;
    size_t text_bytes;
    const char *relative, *absolute; /* the last file that was made absolute */
};

static size_t bytes_needed(const struct layout *l)
{
    const struct field fields[] = {l->code_type, l->code_size,     l->code_filename,
                                   l->code_name, l->code_qualname, l->code_first_line,
                                   l->code_lines};
    size_t end = 0;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (field_end(fields[i]) > end)
            end = field_end(fields[i]);
    return end;
}

struct codes *codes_new(pid_t pid, const struct layout *layout)
{
    struct codes *c = xcalloc(1, sizeof *c);
    c->pid = pid;
    c->layout = layout;
    c->code_bytes = bytes_needed(layout);
    if (c->code_bytes > CODE_BYTES_MAX)
        c->code_bytes = CODE_BYTES_MAX;
    return c;
}

void codes_free(struct codes *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->list.n; i++)
        free(c->list.at[i].lines);
    for (size_t i = 0; i < c->texts.n; i++)
        free(c->texts.at[i]);
    vec_free(&c->list);
    vec_free(&c->texts);
    map_free(&c->by_address);
    map_free(&c->lines);
    map_free(&c->by_text);
    free(c);
}

static const char *intern(struct codes *c, const char *text)
{
    size_t size = strlen(text), at = 0;
    uint64_t hash = hash_bytes(text, size);
    uint32_t i;
    while ((i = map_probe(&c->by_text, hash, &at)) != MAP_NONE)
        if (!strcmp(c->texts.at[i], text))
            return c->texts.at[i];
    if (c->text_bytes + size > TEXT_BYTES_MAX)
        return "?";
    c->text_bytes += size + 1;
    map_add(&c->by_text, hash, (uint32_t)c->texts.n);
    vec_push(&c->texts, xstrdup(text));
    return *vec_last(&c->texts);
}

static const char *intern_object(struct codes *c, uint64_t address)
{
    char text[UNICODE_TEXT_SIZE];
    return object_text(c->pid, c->layout, address, text) && text[0] ? intern(c, text) : "?";
}

/* A script that was started by a relative path is at this place under where its process was
 * started, if it is still there. Others ("<string>", a file that has moved) are left alone. */
static const char *absolute(struct codes *c, const char *file)
{
    char link[64], folder[PATH_MAX], path[2 * PATH_MAX];
    if (*file == '/' || *file == '<' || *file == '?' || !*file)
        return file;
    if (file == c->relative)
        return c->absolute;
    c->relative = file;
    c->absolute = file;
    snprintf(link, sizeof link, "/proc/%d/cwd", (int)c->pid);
    ssize_t n = readlink(link, folder, sizeof folder);
    if (n <= 0 || n == sizeof folder || *folder != '/')
        return file;
    while (!strncmp(file, "./", 2))
        file += 2;
    /* Through the link: the process may have a root of its own. */
    snprintf(path, sizeof path, "%s/%s", link, file);
    if (access(path, F_OK) != 0)
        return file;
    snprintf(path, sizeof path, "%.*s/%s", (int)n, folder, file);
    return c->absolute = intern(c, path);
}

/* Whether the type at this address is `code`; remembers the first that is. */
static bool is_code_type(struct codes *c, uint64_t type)
{
    char name[8];
    uint64_t name_at;
    if (c->code_type)
        return type == c->code_type;
    if (!object_pointer(c->pid, type + type_name.at, &name_at) ||
        !remote_read_string(c->pid, name_at, name, sizeof name) || strcmp(name, "code") != 0)
        return false;
    c->code_type = type;
    return true;
}

/* What tells one code object from another, out of its bytes. */
static struct code identity(struct codes *c, uint64_t address, const uint8_t *bytes)
{
    const struct layout *l = c->layout;
    size_t n = c->code_bytes;
    struct code code = {.address = address};
    code.is_code = is_code_type(c, field_get(bytes, n, l->code_type));
    if (!code.is_code)
        return code;
    code.filename_ptr = field_get(bytes, n, l->code_filename);
    code.name_ptr = field_get(bytes, n, l->code_qualname.size ? l->code_qualname : l->code_name);
    /* From 3.12 on the interpreter runs some code of its own around a class's __init__, which has
     * one string for all its names (_Py_InitCleanup in Python/specialize.c). */
    if (l->frame_owner.size && code.filename_ptr == code.name_ptr)
        return (struct code){.address = address};
    code.lines_ptr = field_get(bytes, n, l->code_lines);
    code.first_line = (uint32_t)field_get(bytes, n, l->code_first_line);
    code.size_bytes = field_get(bytes, n, l->code_size) * 2;
    return code;
}

static bool same_code(const struct code *a, const struct code *b)
{
    return a->is_code == b->is_code && a->filename_ptr == b->filename_ptr &&
           a->name_ptr == b->name_ptr && a->lines_ptr == b->lines_ptr &&
           a->first_line == b->first_line && a->size_bytes == b->size_bytes;
}

static void resolve_method(struct codes *c, struct code *code, uint64_t frame, uint64_t local0)
{
    char text[UNICODE_TEXT_SIZE];
    code->name_tries++;
    switch (method_name(c->pid, c->layout, code->address, frame, local0, text)) {
    case METHOD_FOUND:
        code->name = intern(c, text);
        code->name_tries = TRIES_MAX;
        break;
    case METHOD_NONE:
        code->name_tries = TRIES_MAX;
        break;
    case METHOD_TORN:
        break;
    }
}

static void read_names(struct codes *c, struct code *code)
{
    code->uid = c->next_uid++;
    code->name = code->file = "?";
    if (!code->is_code)
        return;
    code->name = intern_object(c, code->name_ptr);
    code->file = absolute(c, intern_object(c, code->filename_ptr));
    if (c->layout->code_qualname.size)
        code->name_tries = TRIES_MAX;
}

/* The entry for an address, read or compared. NULL: unreadable. */
static struct code *refresh(struct codes *c, uint64_t address, uint32_t at, uint64_t now_ns)
{
    uint8_t bytes[CODE_BYTES_MAX];
    if (!object_plausible(address) || !remote_read(c->pid, address, bytes, c->code_bytes))
        return NULL;
    struct code now = identity(c, address, bytes);
    now.met_ns = now_ns;
    if (at == MAP_NONE) {
        if (c->list.n >= CODES_MAX)
            return NULL;
        read_names(c, &now);
        at = (uint32_t)c->list.n;
        map_set(&c->by_address, address, at);
        vec_push(&c->list, now);
    } else if (!same_code(&c->list.at[at], &now)) {
        free(c->list.at[at].lines);
        read_names(c, &now);
        c->list.at[at] = now;
    }
    c->list.at[at].checked_ns = now_ns;
    return &c->list.at[at];
}

/* Code that runs only while a program starts is freed, and its address used again, soon: what was
 * met just now is compared more often. */
static uint64_t check_interval_ns(const struct code *code, uint64_t now_ns)
{
    uint64_t age_ns = now_ns - code->met_ns, interval_ns = CHECK_LEAST_NS + age_ns / 8;
    return interval_ns < NS_PER_S ? interval_ns : NS_PER_S;
}

const struct code *codes_get(struct codes *c, uint64_t address, uint64_t frame, uint64_t local0,
                             uint64_t now_ns)
{
    uint32_t at = map_get(&c->by_address, address);
    struct code *code = at == MAP_NONE ? NULL : &c->list.at[at];
    if (!code || now_ns - code->checked_ns > check_interval_ns(code, now_ns))
        code = refresh(c, address, at, now_ns);
    if (code && code->is_code && code->name_tries < TRIES_MAX)
        resolve_method(c, code, frame, local0);
    return code;
}

uint32_t codes_line(struct codes *c, const struct code *code, int64_t offset)
{
    if (offset < 0)
        return code->first_line;
    if (offset > UINT32_MAX || (code->size_bytes && (uint64_t)offset >= code->size_bytes))
        return 0;
    uint64_t key = (uint64_t)code->uid << 32 | (uint64_t)offset;
    uint32_t line = map_get(&c->lines, key);
    if (line != MAP_NONE)
        return line;
    struct code *own = &c->list.at[map_get(&c->by_address, code->address)];
    if (!own->lines && own->lines_tries < TRIES_MAX) {
        size_t size = 0;
        own->lines_tries++;
        own->lines = object_bytes(c->pid, c->layout, own->lines_ptr, LINE_TABLE_MAX, &size);
        own->lines_size = (uint32_t)size;
    }
    if (!own->lines)
        return 0;
    line =
        line_lookup(c->layout->line_format, own->lines, own->lines_size, own->first_line, offset);
    if (c->lines.n >= LINES_CACHED_MAX)
        map_clear(&c->lines);
    map_set(&c->lines, key, line);
    return line;
}
