/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See source.h. */
#include "cli/source.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/vec.h"

#define FILE_BYTES_MAX  (4u << 20)
#define TOTAL_BYTES_MAX (16u << 20)
#define FILES_MAX       256

struct source_file {
    char *name, *text;     /* text NULL: it could not be read */
    VEC(uint32_t) offsets; /* of each line in text */
};

struct source {
    VEC(struct source_file) files;
    size_t bytes;
};

struct source *source_new(void)
{
    return xcalloc(1, sizeof(struct source));
}

static void forget(struct source *source)
{
    for (size_t i = 0; i < source->files.n; i++) {
        free(source->files.at[i].name);
        free(source->files.at[i].text);
        vec_free(&source->files.at[i].offsets);
    }
    vec_clear(&source->files);
    source->bytes = 0;
}

void source_free(struct source *source)
{
    if (!source)
        return;
    forget(source);
    vec_free(&source->files);
    free(source);
}

/* The whole of a regular file, terminated; NULL if it is none, too large or unreadable. */
static char *read_whole(const char *name, size_t *size)
{
    struct stat st;
    if (*name != '/')
        return NULL;
    int fd = open(name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    char *text = NULL;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= FILE_BYTES_MAX) {
        size_t want = (size_t)st.st_size, have = 0;
        text = xmalloc(want + 1);
        while (have < want) {
            ssize_t n = read(fd, text + have, want - have);
            if (n <= 0)
                break;
            have += (size_t)n;
        }
        text[have] = '\0';
        *size = have;
    }
    close(fd);
    return text;
}

/* Cuts the text into lines; a NUL byte ends its line early, which is all it does. */
static void find_lines(struct source_file *file, size_t size)
{
    for (size_t at = 0; at < size;) {
        vec_push(&file->offsets, (uint32_t)at);
        char *end = memchr(file->text + at, '\n', size - at);
        if (!end)
            break;
        *end = '\0';
        if (end > file->text + at && end[-1] == '\r')
            end[-1] = '\0';
        at = (size_t)(end - file->text) + 1;
    }
}

static const struct source_file *file_of(struct source *source, const char *name)
{
    for (size_t i = source->files.n; i-- > 0;)
        if (strcmp(source->files.at[i].name, name) == 0)
            return &source->files.at[i];
    if (source->files.n >= FILES_MAX || source->bytes >= TOTAL_BYTES_MAX)
        forget(source);
    struct source_file *file = vec_add(&source->files);
    size_t size = 0;
    file->name = xstrdup(name);
    file->text = read_whole(name, &size);
    if (file->text)
        find_lines(file, size);
    source->bytes += size;
    return file;
}

const char *source_line(void *context, const char *file, uint32_t line)
{
    const struct source_file *f = file_of(context, file);
    if (!f->text || line < 1 || line > f->offsets.n)
        return NULL;
    return f->text + f->offsets.at[line - 1];
}
