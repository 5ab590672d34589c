/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs of tests/programs run by a real interpreter, for the tests of python/: found, started,
 * and taken down. Included after cmocka.h.
 */
#ifndef TEST_PYTHON_PROGRAM_H
#define TEST_PYTHON_PROGRAM_H

#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a macro makes of each Python that there may be: one by its path, those of pyenv, and those
 * of $PROFTOP_PYTHONS_ROOT. A case is skipped where its interpreter is not there. */
#define ON_EVERY_PYTHON(case_of)                                                                   \
    case_of("/usr/bin/python3"), case_of("3.6"), case_of("3.7"), case_of("3.8"), case_of("3.9"),   \
        case_of("3.10"), case_of("3.11"), case_of("3.12"), case_of("3.13"), case_of("root 3.13"),  \
        case_of("root 3.14"), case_of("root 3.15")

struct program {
    pid_t pid;
    int in;         /* the program's standard input: closing it ends a blocked one */
    FILE *out;      /* what it prints after its first line; NULL: nobody reads it */
    char copy[512]; /* of the program in a root folder, or "" */
};

/* "3.11", "/usr/bin/python3.11", or "root 3.15" for one of $PROFTOP_PYTHONS_ROOT (Debian's newer
 * ones) -> the interpreter, and the root folder that it runs in or "". false: there is none. */
static bool find_interpreter(const char *version, char *out, size_t size, const char **root)
{
    char pattern[512];
    *root = "";
    if (version[0] == '/') {
        snprintf(out, size, "%s", version);
        return !access(out, X_OK);
    }
    if (!strncmp(version, "root ", strlen("root "))) {
        *root = getenv("PROFTOP_PYTHONS_ROOT");
        snprintf(out, size, "/usr/bin/python%s", version + strlen("root "));
        snprintf(pattern, sizeof pattern, "%s%s", *root ? *root : "", out);
        return *root && !access(pattern, X_OK) && !geteuid();
    }
    const char *home = getenv("HOME");
    glob_t found;
    snprintf(pattern, sizeof pattern, "%s/.pyenv/versions/%s.*/bin/python%s", home ? home : "",
             version, version);
    bool ok = !glob(pattern, 0, NULL, &found);
    if (ok) {
        snprintf(out, size, "%s", found.gl_pathv[0]);
        globfree(&found);
    }
    return ok;
}

/* A root folder does not hold our programs: gives it a copy. */
static void copy_into(const char *root, const char *name, char *path, size_t size, char to[512])
{
    char bytes[65536], inside[64];
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    snprintf(inside, sizeof inside, "/tmp/proftop-%d", (int)getpid());
    snprintf(to, 512, "%s%s", root, inside);
    mkdir(to, 0755);
    snprintf(to, 512, "%s%s/%s", root, inside, name);
    f = fopen(to, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
    snprintf(path, size, "%s/%s", inside, name);
}

static void program_path(const char *name, char *out, size_t size)
{
    const char *srcdir = getenv("srcdir");
    snprintf(out, size, "%s/tests/programs/%s", srcdir ? srcdir : ".", name);
}

static void skip_without(const char *version)
{
    char interpreter[512];
    const char *root;
    if (find_interpreter(version, interpreter, sizeof interpreter, &root))
        return;
    print_message("no Python %s here\n", version);
    skip();
}

/* Starts it, with an argument or none. Skips the test without the interpreter. */
static struct program start_with(const char *version, const char *name, const char *argument)
{
    char interpreter[512], path[512], copy[512] = "";
    const char *root;
    skip_without(version);
    find_interpreter(version, interpreter, sizeof interpreter, &root);
    program_path(name, path, sizeof path);
    if (*root)
        copy_into(root, name, path, sizeof path, copy);
    int in[2], out[2];
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* whatever becomes of the test */
        dup2(in[0], 0);
        dup2(out[1], 1);
        if (*root && (chroot(root) || chdir("/")))
            _exit(127);
        execl(interpreter, interpreter, path, argument, (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    struct program p = {.pid = pid, .in = in[1], .out = fdopen(out[0], "r")};
    snprintf(p.copy, sizeof p.copy, "%s", copy);
    return p;
}

/* Starts it and waits until it has printed a line. */
static inline struct program start(const char *version, const char *name)
{
    struct program p = start_with(version, name, NULL);
    char line[16];
    if (!fgets(line, sizeof line, p.out))
        fail_msg("%s with Python %s did not start", name, version);
    fclose(p.out);
    p.out = NULL;
    return p;
}

static void stop(struct program p)
{
    kill(p.pid, SIGKILL);
    waitpid(p.pid, NULL, 0);
    close(p.in);
    if (p.out)
        fclose(p.out);
    if (p.copy[0]) {
        unlink(p.copy);
        *strrchr(p.copy, '/') = '\0';
        rmdir(p.copy);
    }
}

#endif
