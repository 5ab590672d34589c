/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See tracepoint.h. The format is that of Documentation/trace/events.rst, "Event formats". */
#include "target/tracepoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "target/procfs.h"

#define FORMAT_BYTES_MAX 16384
#define FIELDS_END_MAX   65536u /* an event's raw bytes are fewer */

/* Where tracefs is: since Linux 4.1, and before. */
static const char *const roots[] = {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"};

/* Whether the declaration "unsigned long ret", of so many characters, is of that name. */
static bool declares(const char *declaration, size_t n, const char *field)
{
    size_t length = strlen(field);
    if (n < length || strncmp(declaration + n - length, field, length) != 0)
        return false;
    return n == length || declaration[n - length - 1] == ' ' || declaration[n - length - 1] == '*';
}

/* A line "\tfield:long ret;\toffset:16;\tsize:8;\tsigned:1;" of that field. */
static bool parse_field(const char *line, const char *field, struct tracepoint *out)
{
    static const char begin[] = "field:";
    int is_signed = 0;
    line += strspn(line, " \t");
    if (strncmp(line, begin, sizeof begin - 1) != 0)
        return false;
    line += sizeof begin - 1;
    size_t n = strcspn(line, ";\n");
    if (line[n] != ';' || !declares(line, n, field))
        return false;
    if (sscanf(line + n, "; offset:%u; size:%u; signed:%d;", &out->offset, &out->size, &is_signed) <
        2)
        return false;
    out->is_signed = is_signed == 1;
    return true;
}

bool tracepoint_parse(const char *text, const char *field, struct tracepoint *out, struct err *err)
{
    bool has_id = false, has_field = false;
    memset(out, 0, sizeof *out);
    for (const char *line = text; line && *line;) {
        if (!has_id)
            has_id = sscanf(line, "ID: %u", &out->id) == 1;
        if (!has_field)
            has_field = parse_field(line, field, out);
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    if (!has_id)
        return err_set(err, "a tracepoint's format has no ID");
    if (!has_field)
        return err_set(err, "a tracepoint's format has no field \"%.40s\"", field);
    bool sized = out->size == 1 || out->size == 2 || out->size == 4 || out->size == 8;
    if (!sized || out->offset > FIELDS_END_MAX - out->size)
        return err_set(err, "a tracepoint's field \"%.40s\" has no place that makes sense", field);
    return true;
}

static bool refuse(struct err *err, const char *event, int error)
{
    if (error == EACCES || error == EPERM)
        return err_set(err, "tracefs may not be read: run as root");
    char text[8];
    bool mounted = false;
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++)
        mounted |= procfs_read(AT_FDCWD, text, sizeof text, "%s/events/header_page", roots[i]) > 0;
    if (mounted)
        return err_set(err, "this kernel has no tracepoint %s (CONFIG_FTRACE_SYSCALLS)", event);
    return err_set(err, "tracefs is not mounted: mount -t tracefs tracefs /sys/kernel/tracing");
}

bool tracepoint_find(const char *event, const char *field, struct tracepoint *out, struct err *err)
{
    char text[FORMAT_BYTES_MAX];
    int error = ENOENT;
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++) {
        if (procfs_read(AT_FDCWD, text, sizeof text, "%s/events/%s/format", roots[i], event) > 0)
            return tracepoint_parse(text, field, out, err);
        if (errno == EACCES || errno == EPERM)
            error = errno;
    }
    return refuse(err, event, error);
}

bool tracepoint_value(const struct tracepoint *t, const uint8_t *raw, size_t n, int64_t *value)
{
    if (n < t->size || n - t->size < t->offset)
        return false;
    uint64_t bits = 0;
    memcpy(&bits, raw + t->offset, t->size); /* x86-64: the low bytes come first */
    unsigned spare = 64 - 8 * t->size;
    *value = t->is_signed ? (int64_t)(bits << spare) >> spare : (int64_t)bits;
    return true;
}
