/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See shelf.h. */
#include "store/shelf.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/quantity.h"
#include "base/text.h"
#include "store/outfile.h"
#include "store/store.h"

#define SUFFIX         ".ptop"
#define SEGMENT_SUFFIX ".segment.ptop"
/* Snapshots of one second. */
#define SAME_SECOND_MAX 1000
/* Clocks of file systems on other machines differ by less. */
#define AHEAD_NS (60 * (int64_t)NS_PER_S)

/* ---- names ---- */

void shelf_safe_name(char out[64], const char *text)
{
    size_t n = 0;
    for (; *text && n < 48; text++) {
        bool plain = isalnum((unsigned char)*text) || strchr("._+-", *text);
        bool hides = n == 0 && *text == '.';
        out[n++] = plain && !hides ? *text : '_';
    }
    out[n] = '\0';
    if (!n)
        snprintf(out, 64, "process");
}

/* Behind `n` digits; NULL if there are not just so many. */
static const char *skip_digits(const char *s, size_t n)
{
    if (!s || strspn(s, "0123456789") != n)
        return NULL;
    return s + n;
}

/* Behind "-20261129-231500" and perhaps "-2"; NULL: it is not there. */
static const char *skip_stamp(const char *s)
{
    s = *s == '-' ? skip_digits(s + 1, 8) : NULL;
    s = s && *s == '-' ? skip_digits(s + 1, 6) : NULL;
    if (s && *s == '-') {
        size_t n = strspn(s + 1, "0123456789");
        s = n > 0 && n <= 4 ? s + 1 + n : NULL;
    }
    return s;
}

/* ".NAME-STAMP.ptop.tmp0123abcd" (outfile_create_hidden). */
static bool is_temporary(const char *name, const char *file)
{
    size_t n = strlen(name);
    if (file[0] != '.' || strncmp(file + 1, name, n) != 0)
        return false;
    const char *rest = skip_stamp(file + 1 + n);
    static const char tail[] = SUFFIX ".tmp";
    if (!rest || strncmp(rest, tail, strlen(tail)) != 0)
        return false;
    rest += strlen(tail);
    return strlen(rest) == 8 && strspn(rest, "0123456789abcdef") == 8;
}

enum shelf_kind shelf_kind_of(const char *name, const char *file)
{
    static const struct {
        const char *tail;
        enum shelf_kind kind;
    } forms[] = {{SUFFIX, SHELF_SNAPSHOT},
                 {SEGMENT_SUFFIX, SHELF_SEGMENT},
                 {SEGMENT_SUFFIX ".part", SHELF_PART},
                 {SEGMENT_SUFFIX ".part-journal", SHELF_JOURNAL}};
    if (is_temporary(name, file))
        return SHELF_REMAINS;
    size_t n = strlen(name);
    const char *rest = strncmp(file, name, n) == 0 ? skip_stamp(file + n) : NULL;
    for (size_t i = 0; rest && i < sizeof forms / sizeof forms[0]; i++)
        if (strcmp(rest, forms[i].tail) == 0)
            return forms[i].kind;
    return SHELF_OTHER;
}

char *shelf_path(const struct shelf *shelf, enum shelf_kind kind, int64_t wall_ns)
{
    time_t s = (time_t)(wall_ns / (int64_t)NS_PER_S);
    struct tm tm = {0};
    char stamp[32];
    localtime_r(&s, &tm);
    strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &tm);
    const char *suffix = kind == SHELF_SNAPSHOT ? SUFFIX : SEGMENT_SUFFIX;
    for (int i = 1;; i++) {
        char number[16] = "";
        if (i > 1)
            snprintf(number, sizeof number, "-%d", i);
        char *path = xasprintf("%s/%s-%s%s%s", shelf->folder, shelf->name, stamp, number, suffix);
        char *part = xasprintf("%s.part", path);
        struct stat st;
        bool taken = lstat(path, &st) == 0 || lstat(part, &st) == 0;
        free(part);
        if (!taken || i == SAME_SECOND_MAX)
            return path;
        free(path);
    }
}

/* ---- which go ---- */

static bool keep_word(struct keep *keep, const char *word)
{
    char *end;
    errno = 0;
    long n = strtol(word, &end, 10);
    if (isdigit((unsigned char)word[0]) && !*end) {
        keep->files = (uint32_t)n;
        return !errno && n >= 1 && n <= 1000000;
    }
    return (quantity_bytes(word, &keep->bytes) && keep->bytes) ||
           (quantity_duration(word, &keep->age_ns) && keep->age_ns);
}

bool keep_parse(struct keep *keep, const char *text, struct err *err)
{
    *keep = (struct keep){0};
    char *words = xstrdup(text), *rest = words, *word;
    bool ok = *text;
    while (ok && (word = strsep(&rest, ",")))
        ok = keep_word(keep, word);
    free(words);
    if (!keep->bytes)
        keep->bytes = KEEP_DEFAULT_BYTES;
    return ok || err_set(err,
                         "--keep takes a number of files (20), their size (500M) or age (7d), or "
                         "several with commas, not \"%s\"",
                         text);
}

void keep_choose(const struct keep *keep, struct shelf_files *files, int64_t now_ns)
{
    uint64_t bytes = 0, count = 0;
    for (size_t i = 0; i < files->list.n; i++)
        if (files->list.at[i].own)
            bytes += files->list.at[i].bytes;
    for (size_t i = files->list.n; i-- > 0;) {
        struct shelf_file *f = &files->list.at[i];
        if (f->own)
            continue;
        bytes += f->bytes;
        count++;
        int64_t age_ns = now_ns - f->written_ns; /* a clock that was set back: younger than new */
        bool old = keep->age_ns && age_ns > 0 && (uint64_t)age_ns > keep->age_ns;
        bool large = keep->bytes && bytes > keep->bytes;
        bool many = keep->files && count > keep->files;
        f->goes = count > 1 && (old || large || many);
        if (f->goes)
            bytes -= f->bytes;
    }
}

/* ---- the folder ---- */

static void files_clear(struct shelf_files *files)
{
    for (size_t i = 0; i < files->list.n; i++)
        free(files->list.at[i].name);
    vec_free(&files->list);
}

static int oldest_first(const void *a, const void *b)
{
    const struct shelf_file *x = a, *y = b;
    if (x->ahead != y->ahead)
        return x->ahead ? -1 : 1;
    if (x->written_ns != y->written_ns)
        return x->written_ns < y->written_ns ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* Our regular files; a symbolic link is none. */
static void files_read(struct shelf_files *files, const struct shelf *shelf, int64_t now_ns)
{
    *files = (struct shelf_files){0};
    DIR *dir = opendir(shelf->folder);
    for (const struct dirent *e; dir && (e = readdir(dir));) {
        struct stat st;
        enum shelf_kind kind = shelf_kind_of(shelf->name, e->d_name);
        if (kind == SHELF_OTHER || fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(st.st_mode))
            continue;
        struct shelf_file *f = vec_add(&files->list);
        f->name = xstrdup(e->d_name);
        f->kind = kind;
        f->bytes = (uint64_t)st.st_size;
        f->written_ns = (int64_t)st.st_mtim.tv_sec * (int64_t)NS_PER_S + st.st_mtim.tv_nsec;
        f->ahead = f->written_ns > now_ns + AHEAD_NS;
    }
    if (dir)
        closedir(dir);
    vec_sort(&files->list, oldest_first);
}

static void remove_file(const struct shelf *shelf, const char *file)
{
    char *path = xasprintf("%s/%s", shelf->folder, file);
    unlink(path);
    if (text_ends_with(path, ".part")) {
        char *journal = xasprintf("%s-journal", path);
        unlink(journal);
        free(journal);
    }
    free(path);
}

void shelf_remove(const struct shelf *shelf, const char *path)
{
    const char *file = path_base(path);
    enum shelf_kind kind = shelf_kind_of(shelf->name, file);
    if (kind != SHELF_SEGMENT && kind != SHELF_PART)
        return;
    remove_file(shelf, file);
    char *part = xasprintf("%s.part", file);
    if (shelf_kind_of(shelf->name, part) == SHELF_PART)
        remove_file(shelf, part);
    free(part);
}

uint64_t shelf_bytes(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* Whether a file is one of these paths', or the same with .part. */
static bool is_own(const char *file, char *const *own, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *base = path_base(own[i]);
        size_t length = strlen(base);
        if (strncmp(file, base, length) == 0 &&
            (!file[length] || strcmp(file + length, ".part") == 0))
            return true;
    }
    return false;
}

size_t shelf_trim(const struct shelf *shelf, char *const *own, size_t own_n, int64_t now_ns)
{
    struct shelf_files files;
    size_t removed = 0, kept = 0;
    files_read(&files, shelf, now_ns);
    for (size_t i = 0; i < files.list.n; i++) {
        struct shelf_file f = files.list.at[i];
        f.own = is_own(f.name, own, own_n);
        /* May be of a snapshot that is being written, or of a segment. */
        if (f.kind == SHELF_REMAINS || f.kind == SHELF_JOURNAL)
            free(f.name);
        else
            files.list.at[kept++] = f;
    }
    files.list.n = kept;
    keep_choose(&shelf->keep, &files, now_ns);
    for (size_t i = 0; i < files.list.n; i++) {
        if (!files.list.at[i].goes)
            continue;
        remove_file(shelf, files.list.at[i].name);
        removed++;
    }
    files_clear(&files);
    return removed;
}

/* Puts a file there and takes it away. */
static bool is_writable(const char *folder, const char *name, struct err *err)
{
    struct stat st;
    if (stat(folder, &st) != 0)
        return errno == ENOENT
                   ? err_set(err, "there is no folder %s; make it, or choose another", folder)
                   : err_errno(err, "cannot use the folder %s", folder);
    if (!S_ISDIR(st.st_mode))
        return err_set(err, "%s is no folder; name one to --dir", folder);
    char *path = xasprintf("%s/%s-00000000-000000%s", folder, name, SUFFIX);
    struct outfile out;
    bool ok = outfile_create_hidden(&out, path, err);
    if (ok) {
        outfile_remove(&out);
        outfile_clear(&out);
    }
    free(path);
    return ok;
}

/* One of the files that a killed recorder has left: nobody writes any of them. */
static void put_in_order(const struct shelf *shelf, const struct shelf_file *f)
{
    static const char part[] = ".part", journal[] = "-journal";
    char *path = xasprintf("%s/%s", shelf->folder, f->name);
    size_t n = strlen(path);
    if (f->kind == SHELF_REMAINS) {
        unlink(path);
    } else if (f->kind == SHELF_PART) {
        path[n - strlen(part)] = '\0';
        store_settle_part(path);
    } else if (f->kind == SHELF_JOURNAL) {
        struct stat st;
        path[n - strlen(journal)] = '\0';
        bool alone = lstat(path, &st) != 0 && errno == ENOENT;
        path[n - strlen(journal)] = journal[0];
        if (alone)
            unlink(path);
    }
    free(path);
}

static bool clear_remains(const struct shelf *shelf, struct err *err)
{
    struct shelf_files files;
    bool ok = true;
    files_read(&files, shelf, clock_wall_ns());
    for (size_t i = 0; i < files.list.n && ok; i++) {
        const struct shelf_file *f = &files.list.at[i];
        char *path = xasprintf("%s/%s", shelf->folder, f->name);
        if (f->kind == SHELF_PART && outfile_is_being_written(path))
            ok = err_set(err,
                         "another proftop is recording %s into %s: end that one, or choose another "
                         "folder",
                         shelf->name, shelf->folder);
        free(path);
    }
    for (size_t i = 0; i < files.list.n && ok; i++)
        put_in_order(shelf, &files.list.at[i]);
    files_clear(&files);
    return ok;
}

bool shelf_open(struct shelf *shelf, const char *folder, const char *name, const struct keep *keep,
                struct err *err)
{
    size_t n = strlen(folder);
    while (n > 1 && folder[n - 1] == '/')
        n--;
    *shelf = (struct shelf){xstrndup(folder, n), xstrdup(name), *keep};
    bool ok = is_writable(shelf->folder, name, err) && clear_remains(shelf, err);
    if (!ok)
        shelf_close(shelf);
    return ok;
}

void shelf_close(struct shelf *shelf)
{
    free(shelf->folder);
    free(shelf->name);
    *shelf = (struct shelf){0};
}
