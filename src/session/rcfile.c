/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rcfile.h. */
#include "session/rcfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

void rc_begin(struct rc_reader *r, const char *text, size_t size)
{
    memset(&r->line, 0, sizeof r->line);
    r->at = text;
    r->end = text + size;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v';
}

static bool broken(struct rc_line *l, const char *why)
{
    l->kind = RC_BROKEN;
    err_set(&l->err, "%s", why);
    return false;
}

/* In quotes: \" and \\ stand for " and \. Gives the byte after the closing quote, NULL if none. */
static const char *read_quoted(struct rc_line *l, const char *at, const char *end)
{
    size_t n = 0;
    for (at++; at < end; at++) {
        if (*at == '"') {
            l->value[n] = '\0';
            return at + 1;
        }
        if (*at == '\\' && at + 1 < end && (at[1] == '"' || at[1] == '\\'))
            at++;
        l->value[n++] = *at;
    }
    return NULL;
}

/* What follows the = sign, in [at, end) without blanks around it. */
static bool read_value(struct rc_line *l, const char *at, const char *end)
{
    const char *stop = end;
    if (at < end && *at == '"') {
        stop = read_quoted(l, at, end);
        if (!stop)
            return broken(l, "a quote is opened and not closed");
        const char *rest = stop;
        while (rest < end && is_blank(*rest))
            rest++;
        if (rest < end && *rest != '#')
            return broken(l, "something stands after the closing quote");
    } else {
        for (const char *c = at; c < end; c++) {
            if (*c == '#' && (c == at || is_blank(c[-1]))) {
                stop = c;
                break;
            }
        }
        while (stop > at && is_blank(stop[-1]))
            stop--;
        memcpy(l->value, at, (size_t)(stop - at));
        l->value[stop - at] = '\0';
    }
    l->value_at = (size_t)(at - l->text);
    l->value_size = (size_t)(stop - at);
    l->kind = RC_ENTRY;
    return true;
}

static bool read_section(struct rc_line *l, const char *at, const char *end)
{
    const char *close = memchr(at, ']', (size_t)(end - at));
    /* What follows belongs to no section that is known, whatever is wrong with this line. */
    strcpy(l->section, "?");
    if (!close)
        return broken(l, "a section begins with [ and ends with ]");
    const char *rest = close + 1;
    while (rest < end && is_blank(*rest))
        rest++;
    if (rest < end && *rest != '#')
        return broken(l, "something stands after the section's ]");
    for (at++; at < close && is_blank(*at);)
        at++;
    while (close > at && is_blank(close[-1]))
        close--;
    if (at == close || close - at >= RC_KEY_MAX)
        return broken(l, "a section's name has 1 to 63 bytes");
    memcpy(l->section, at, (size_t)(close - at));
    l->section[close - at] = '\0';
    l->kind = RC_SECTION;
    return true;
}

/* Of a line that is neither blank nor a comment, [at, end) without blanks around it. */
static bool read_line(struct rc_line *l, const char *at, const char *end)
{
    if (memchr(at, '\0', (size_t)(end - at)))
        return broken(l, "a NUL byte: the line is passed over");
    if (end - at >= RC_LINE_MAX)
        return broken(l, "longer than 4,095 bytes: the line is passed over");
    if (*at == '[')
        return read_section(l, at, end);
    const char *sign = memchr(at, '=', (size_t)(end - at));
    if (!sign)
        return broken(l, "no \"=\": a line is KEY = VALUE, [SECTION] or # COMMENT");
    const char *key_end = sign, *value = sign + 1;
    while (key_end > at && is_blank(key_end[-1]))
        key_end--;
    if (key_end == at || key_end - at >= RC_KEY_MAX)
        return broken(l, "a key has 1 to 63 bytes");
    memcpy(l->key, at, (size_t)(key_end - at));
    l->key[key_end - at] = '\0';
    while (value < end && is_blank(*value))
        value++;
    return read_value(l, value, end);
}

bool rc_next(struct rc_reader *r)
{
    struct rc_line *l = &r->line;
    if (r->at >= r->end)
        return false;
    const char *stop = memchr(r->at, '\n', (size_t)(r->end - r->at));
    stop = stop ? stop + 1 : r->end;
    l->number++;
    l->text = r->at;
    l->size = (size_t)(stop - r->at);
    l->key[0] = l->value[0] = l->err.text[0] = '\0';
    l->value_at = l->value_size = 0;
    r->at = stop;
    const char *at = l->text, *end = stop;
    while (l->number == 1 && end - at >= 3 && memcmp(at, RC_MARK, 3) == 0)
        at += 3;
    while (at < end && is_blank(*at))
        at++;
    while (end > at && is_blank(end[-1]))
        end--;
    if (at == end)
        l->kind = RC_BLANK;
    else if (*at == '#')
        l->kind = RC_COMMENT;
    else
        read_line(l, at, end);
    return true;
}

char *rc_quote(const char *value)
{
    size_t n = strlen(value), at = 0;
    if (n && !is_blank(value[0]) && !is_blank(value[n - 1]) && !strpbrk(value, "\"#"))
        return xstrdup(value);
    char *out = xmalloc(2 * n + 3);
    out[at++] = '"';
    for (; *value; value++) {
        if (*value == '"' || *value == '\\')
            out[at++] = '\\';
        out[at++] = *value;
    }
    out[at++] = '"';
    out[at] = '\0';
    return out;
}

/* Whose word a settings file may be: it can name a command that we run. */
static bool check_owner(const struct stat *st, const char *path, struct err *err)
{
    uid_t us = geteuid();
    const char *caller = us == 0 ? getenv("SUDO_UID") : NULL;
    bool known = st->st_uid == 0 || st->st_uid == us ||
                 (caller && *caller && st->st_uid == (uid_t)strtoul(caller, NULL, 10));
    if (S_ISCHR(st->st_mode)) /* /dev/null: no settings */
        return true;
    if (!known)
        return err_set(err, "%s: not read: it belongs to another user (uid %u)", path,
                       (unsigned)st->st_uid);
    if (st->st_mode & S_IWOTH)
        return err_set(err, "%s: not read: everybody may write to it (chmod o-w)", path);
    return true;
}

static bool read_open(int fd, const char *path, char **text, size_t *size, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st))
        return err_errno(err, "%s: not read", path);
    if (S_ISDIR(st.st_mode))
        return err_set(err, "%s: not read: it is a directory", path);
    if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))
        return err_set(err, "%s: not read: it is no regular file", path);
    if (!check_owner(&st, path, err))
        return false;
    char *bytes = xmalloc(RC_BYTES_MAX + 2);
    size_t n = 0;
    while (n <= RC_BYTES_MAX) {
        ssize_t got = read(fd, bytes + n, RC_BYTES_MAX + 1 - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            err_errno(err, "%s: not read", path);
            free(bytes);
            return false;
        }
        if (!got)
            break;
        n += (size_t)got;
    }
    if (n > RC_BYTES_MAX) {
        free(bytes);
        return err_set(err, "%s: not read: larger than 1 MB", path);
    }
    bytes[n] = '\0';
    *text = xrealloc(bytes, n + 1);
    *size = n;
    return true;
}

bool rc_read(const char *path, char **text, size_t *size, struct err *err)
{
    struct stat st;
    *text = NULL;
    *size = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        int why = errno;
        bool none = why == ENOENT || why == ENOTDIR;
        /* Another's home that we may not look into (sudo -u, HOME as it was) has none for us. */
        if ((none || why == EACCES) && lstat(path, &st))
            return true;
        errno = why;
        return err_errno(err, "%s: not read", path);
    }
    bool ok = read_open(fd, path, text, size, err);
    close(fd);
    return ok;
}
