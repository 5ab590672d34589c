/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See outfile.h. Any thread, each its own. */
#include "store/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"

/* The folder of a path, "." if it names none. Owned by the caller. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return xstrdup(".");
    return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

bool outfile_error(const char *path, int number, struct err *err)
{
    char *folder = folder_of(path);
    struct stat st;
    bool no_folder = stat(folder, &st) != 0 && errno == ENOENT;
    switch (number) {
    case ENOENT:
    case ENOTDIR:
        if (no_folder)
            err_set(err, "cannot write %s: there is no folder %s; make it, or choose another", path,
                    folder);
        else
            err_set(err, "cannot write %s: %s", path, strerror(number));
        break;
    case EACCES:
    case EPERM:
        err_set(err, "cannot write %s: permission denied; choose a folder that you may write to",
                path);
        break;
    case EROFS:
        err_set(err, "cannot write %s: %s is read-only; choose another folder", path, folder);
        break;
    case ENOSPC:
    case EDQUOT:
        err_set(err, "cannot write %s: %s; make room, or choose another place", path,
                number == ENOSPC ? "the disk is full" : "your disk quota is used up");
        break;
    case EISDIR:
        err_set(err, "cannot write %s: it is a folder; add a file's name", path);
        break;
    default:
        err_set(err, "cannot write %s: %s", path, strerror(number));
    }
    free(folder);
    return false;
}

/* May a file be put where path points? */
static bool check_name(const char *path, struct err *err)
{
    size_t n = strlen(path);
    if (n == 0)
        return err_set(err, "cannot write a recording: its file has an empty name");
    struct stat st;
    if (stat(path, &st) != 0)
        return path[n - 1] == '/' ? outfile_error(path, EISDIR, err) : true;
    if (S_ISDIR(st.st_mode))
        return outfile_error(path, EISDIR, err);
    if (!S_ISREG(st.st_mode))
        return err_set(err, "cannot write %s: it is not a regular file; name another", path);
    if (faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) != 0)
        return outfile_error(path, errno, err);
    return true;
}

/* Creates temp anew and remembers which file that is. Takes over temp. */
static bool create(struct outfile *out, const char *path, char *temp)
{
    int fd = open(temp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        int saved = errno;
        if (fd >= 0)
            close(fd);
        free(temp);
        errno = saved;
        return false;
    }
    *out = (struct outfile){xstrdup(path), temp, fd, st.st_dev, st.st_ino};
    return true;
}

bool outfile_create_hidden(struct outfile *out, const char *path, struct err *err)
{
    if (!check_name(path, err))
        return false;
    char *folder = folder_of(path);
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    bool ok = false;
    int number = EEXIST;
    for (int attempt = 0; attempt < 100 && !ok && number == EEXIST; attempt++) {
        uint32_t random = (uint32_t)hash_mix(clock_mono_ns(), (uint64_t)getpid());
        /* A long name is shortened: with what is added it must stay under NAME_MAX. */
        ok = create(out, path, xasprintf("%s/.%.200s.tmp%08x", folder, name, random));
        number = errno;
    }
    free(folder);
    return ok || outfile_error(path, number, err);
}

/* A byte that SQLite never locks (it uses a few from 1 GB on): held by who writes a .part. An OFD
 * lock, because a plain one would go when anybody in this process closes the file. */
static struct flock writer_lock(void)
{
    return (struct flock){
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0x7fffff00, .l_len = 1};
}

bool outfile_is_being_written(const char *temp)
{
    int fd = open(temp, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return false;
    struct flock lock = writer_lock();
    bool busy = fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    close(fd);
    return busy;
}

static char *journal_of(const char *temp)
{
    return xasprintf("%s-journal", temp);
}

bool outfile_create_part(struct outfile *out, const char *path, struct err *err)
{
    if (!check_name(path, err))
        return false;
    char *temp = xasprintf("%s.part", path);
    if (outfile_is_being_written(temp)) {
        err_set(err, "cannot write %s: another proftop is writing %s.part; choose another name",
                path, path);
        free(temp);
        return false;
    }
    /* A journal that a killed program left would be played back into the new file. */
    char *journal = journal_of(temp);
    bool removed =
        (unlink(temp) == 0 || errno == ENOENT) && (unlink(journal) == 0 || errno == ENOENT);
    free(journal);
    if (!removed) {
        int number = errno;
        free(temp);
        return outfile_error(path, number, err);
    }
    if (!create(out, path, temp))
        return outfile_error(path, errno, err);
    struct flock lock = writer_lock();
    (void)fcntl(out->fd, F_OFD_SETLK, &lock); /* where there are no locks, two writers are not
                                                 noticed until outfile_publish */
    return true;
}

bool outfile_take_part(struct outfile *out, const char *path)
{
    struct stat st;
    struct flock lock = writer_lock();
    char *temp = xasprintf("%s.part", path);
    int fd = open(temp, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
        fcntl(fd, F_OFD_SETLK, &lock) != 0 || access(path, F_OK) == 0) {
        if (fd >= 0)
            close(fd);
        free(temp);
        return false;
    }
    *out = (struct outfile){xstrdup(path), temp, fd, st.st_dev, st.st_ino};
    return true;
}

static bool sync_folder(const char *path)
{
    char *folder = folder_of(path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    if (fd < 0)
        return errno == EACCES; /* a folder that may be written and not read cannot be synced */
    bool ok = fsync(fd) == 0 || errno == EINVAL; /* EINVAL: this file system has no such thing */
    int saved = errno;
    close(fd);
    errno = saved;
    return ok;
}

bool outfile_publish(struct outfile *out, struct err *err)
{
    struct stat st;
    if (lstat(out->temp, &st) != 0 || st.st_dev != out->dev || st.st_ino != out->ino)
        return err_set(err, "cannot write %s: another program replaced %s meanwhile", out->path,
                       out->temp);
    if (fsync(out->fd) != 0 || rename(out->temp, out->path) != 0 || !sync_folder(out->path))
        return outfile_error(out->path, errno, err);
    return true;
}

void outfile_remove(const struct outfile *out)
{
    struct stat st;
    if (lstat(out->temp, &st) != 0 || st.st_dev != out->dev || st.st_ino != out->ino)
        return; /* somebody else's by now */
    unlink(out->temp);
    char *journal = journal_of(out->temp);
    unlink(journal);
    free(journal);
}

void outfile_clear(struct outfile *out)
{
    if (out->fd >= 0)
        close(out->fd);
    free(out->path);
    free(out->temp);
    *out = (struct outfile){.fd = -1};
}
