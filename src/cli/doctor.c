/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * proftop doctor: what this machine and a target allow, what is missing, and the exact remedy.
 *
 * Each check is one line: how it stands, on what, what that means; a remedy stands below it. The
 * exit status is 1 only where a target was named that cannot be watched.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/verbs.h"
#include "engine/allocators.h"
#include "engine/mapping_calls.h"
#include "native/debug_file.h"
#include "native/elf_file.h"
#include "native/elf_symbol.h"
#include "native/perf_map.h"
#include "python/python.h"
#include "target/bpf_regs.h"
#include "target/capacity.h"
#include "target/maps.h"
#include "target/perf.h"
#include "target/permission.h"
#include "target/process.h"
#include "target/uprobe.h"
#include "view/nameless.h"

enum standing { GOOD, NOTE, BAD };

static void say(enum standing standing, const char *subject, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void say(enum standing standing, const char *subject, const char *fmt, ...)
{
    static const char *const signs[] = {[GOOD] = "ok", [NOTE] = "note", [BAD] = "MISSING"};
    printf("%-8s %-20s ", signs[standing], subject);
    va_list ap;
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
}

static void remedy(const char *text)
{
    printf("%-8s %-20s -> %s\n", "", "", text);
}

static void check_yama(const struct permission *p)
{
    static const char *const meaning[] = {"any process of your own",
                                          "only processes that you start (proftop -- COMMAND)",
                                          "only root", "nobody"};
    int scope = p->yama_ptrace_scope;
    if (scope == PERMISSION_UNKNOWN) {
        say(GOOD, "Yama", "this kernel has no such restriction");
        return;
    }
    bool free_of_it = scope == 0 || (p->cap_sys_ptrace && scope < 3);
    say(free_of_it ? GOOD : BAD, "Yama ptrace_scope", "%d: may be watched: %s%s", scope,
        meaning[scope < 0 || scope > 3 ? 3 : scope],
        scope && free_of_it ? " (you have CAP_SYS_PTRACE, so all)" : "");
    if (free_of_it)
        return;
    remedy(scope == 3 ? "cannot be changed while the machine runs: it is set at boot"
                      : "run proftop with sudo, or: sudo sysctl kernel.yama.ptrace_scope=0");
}

/* The rings of all CPUs are locked in memory: out of one user's share for each CPU, and beyond that
 * out of the process's own limit. */
static void check_ring_memory(const struct permission *p)
{
    if (p->perf_mlock_kb == PERMISSION_UNKNOWN)
        return;
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    int64_t wanted_kb = (int64_t)(perf_events_locked_bytes() / 1024) * (cpus > 0 ? cpus : 1);
    int64_t user_kb = (int64_t)p->perf_mlock_kb * (cpus > 0 ? cpus : 1);
    bool free_of_it = p->cap_ipc_lock || p->perf_event_paranoid < 0 || p->memlock_kb < 0;
    bool enough = free_of_it || wanted_kb <= user_kb + p->memlock_kb;
    if (free_of_it)
        say(GOOD, "perf mlock limit", "none for you; %lld kB are wanted", (long long)wanted_kb);
    else
        say(enough ? GOOD : BAD, "perf mlock limit",
            "%lld kB are wanted, %lld kB may be locked for perf events and %lld kB beside them",
            (long long)wanted_kb, (long long)user_kb, (long long)p->memlock_kb);
    if (!enough) {
        char text[96];
        snprintf(text, sizeof text,
                 "sudo sysctl kernel.perf_event_mlock_kb=%lld, or: ulimit -l %lld",
                 (long long)(wanted_kb / (cpus > 0 ? cpus : 1)), (long long)wanted_kb);
        remedy(text);
    }
}

static void check_perf(const struct permission *p)
{
    struct err err;
    bool kernel = false;
    if (p->perf_event_paranoid == PERMISSION_UNKNOWN) {
        say(NOTE, "perf events", "this kernel has none: running threads are stopped briefly");
        return;
    }
    if (!perf_events_allowed(&kernel, &err)) {
        say(NOTE, "perf events", "refused, so running threads are stopped briefly: %s", err.text);
        remedy(p->perf_event_paranoid > 2
                   ? "sudo sysctl kernel.perf_event_paranoid=2, or run as root"
                   : "in a container allow perf_event_open in its seccomp "
                     "profile, or start it with --cap-add=PERFMON");
        return;
    }
    say(kernel ? GOOD : NOTE, "perf events",
        kernel ? "allowed (perf_event_paranoid %d): native threads are sampled without a stop"
               : "allowed (perf_event_paranoid %d), but only outside of the kernel",
        p->perf_event_paranoid);
    if (!kernel)
        remedy("for kernel frames: sudo sysctl kernel.perf_event_paranoid=1, or run as root");
    check_ring_memory(p);
}

static void check_uprobes(void)
{
    struct err err;
    if (uprobes_allowed(&err)) {
        say(GOOD, "function probes", "allowed: which code allocates what stays can be sampled");
        return;
    }
    say(NOTE, "function probes",
        "refused, so what stays in memory cannot be traced to the code "
        "that allocated it: %s",
        err.text);
    remedy("run as root, or with CAP_PERFMON; the kernel needs CONFIG_UPROBE_EVENTS");
}

static void check_tracepoints(void)
{
    struct err err;
    if (mapping_calls_allowed(&err)) {
        say(GOOD, "brk, mmap, mremap", "seen: which code asks the kernel for address space");
        return;
    }
    say(NOTE, "brk, mmap, mremap",
        "not seen, so what enlarged the heap is told by page faults alone");
    remedy(err.text);
}

static void check_kernel_symbols(const struct permission *p)
{
    if (p->kernel_symbols)
        say(GOOD, "kernel symbols", "readable: kernel frames have names");
    else
        say(NOTE, "kernel symbols", "withheld (kptr_restrict %d): kernel frames have no names",
            p->kptr_restrict);
    if (!p->kernel_symbols)
        remedy(p->kptr_restrict > 1 ? "sudo sysctl kernel.kptr_restrict=1, and run as root"
                                    : "run as root, or with CAP_SYSLOG");
}

static void check_machine(void)
{
    struct permission p;
    permission_read(&p);
    say(GOOD, "kernel", "%s", p.kernel);
    say(p.ptrace_works ? GOOD : BAD, "ptrace",
        p.ptrace_works ? "works" : "is refused, even on a child of ours");
    if (!p.ptrace_works)
        remedy("in a container start it with --cap-add=SYS_PTRACE; else look at seccomp filters");
    check_yama(&p);
    say(p.cap_sys_ptrace ? GOOD : NOTE, "CAP_SYS_PTRACE",
        p.cap_sys_ptrace ? "yes: processes of every user may be watched"
                         : "no: only processes of your own user may be watched");
    if (!p.cap_sys_ptrace)
        remedy("sudo proftop, or: sudo setcap cap_sys_ptrace,cap_sys_nice=ep $(which proftop)");
    say(p.realtime ? GOOD : NOTE, "real-time priority",
        p.realtime ? "granted: short bursts are seen at their true share"
                   : "refused: on a busy machine short bursts are seen too little");
    if (!p.realtime)
        remedy("run as root, or with CAP_SYS_NICE");
    check_perf(&p);
    check_uprobes();
    check_tracepoints();
    check_kernel_symbols(&p);
}

static void check_bpf(void)
{
    struct err err;
    struct bpf_regs *b = bpf_regs_new();
    bool works = bpf_regs_load(b, &err);
    bpf_regs_free(b);
    say(works ? GOOD : NOTE, "BPF",
        works ? "works: gives the registers of sleeping threads where their stacks need them"
              : "not used: registers of sleeping threads are worked out from their code");
    if (!works)
        remedy(err.text);
}

/* What the symbol tables of a mapped file give. */
struct file_symbols {
    bool symtab, debug_info, exports, debug_file;
};

static struct file_symbols look_at_file(const struct maps *maps, const struct mapping *map)
{
    struct file_symbols found = {0};
    int fd = maps_open_file(maps, map, NULL);
    if (fd < 0)
        return found;
    struct elf_symbols *elf = elf_symbols_open(fd);
    if (elf) {
        found.symtab = elf_symbols_has(elf, ".symtab");
        found.exports = elf_symbols_has(elf, ".dynsym");
        found.debug_info = elf_symbols_has(elf, ".debug_info");
        elf_symbols_close(elf);
    }
    struct elf_file file;
    if (elf_file_open(&file, fd)) { /* owns fd now */
        int debug_fd = debug_file_open(maps->pid, maps_path(maps, map), file.build_id, NULL);
        if (debug_fd >= 0) {
            found.debug_file = true;
            close(debug_fd);
        }
        elf_file_close(&file);
    }
    return found;
}

static void say_symbols(const char *path, struct file_symbols f)
{
    const char *name = path_base(path);
    if (f.debug_info || f.debug_file)
        say(GOOD, "symbols", "%s: functions and lines%s", name,
            f.debug_file ? " (from its separate debug file)" : "");
    else if (f.symtab)
        say(GOOD, "symbols", "%s: functions; no lines (no debug information)", name);
    else
        say(NOTE, "symbols", "%s: stripped: %s", name,
            f.exports ? "exported functions have names, others show as module+offset"
                      : "functions show as module+offset");
    if (!f.symtab && !f.debug_info && !f.debug_file)
        remedy("install its debug symbols (Debian: the package with -dbg or -dbgsym)");
}

/* The program itself in a line, its libraries in another. */
static void check_symbols(pid_t pid, const char *exe)
{
    struct maps maps;
    maps_init(&maps);
    if (!maps_read(&maps, pid, NULL, NULL)) {
        maps_clear(&maps);
        return;
    }
    size_t libraries = 0, stripped = 0;
    uint64_t last_inode = 0;
    bool said_exe = false;
    for (size_t i = 0; i < maps.list.n; i++) {
        const struct mapping *map = &maps.list.at[i];
        if (!(map->perms & MAP_EXEC) || !maps_is_file(&maps, map) || map->inode == last_inode)
            continue;
        last_inode = map->inode;
        struct file_symbols f = look_at_file(&maps, map);
        if (!said_exe && strcmp(maps_path(&maps, map), exe) == 0) {
            say_symbols(exe, f);
            said_exe = true;
            continue;
        }
        libraries++;
        stripped += !f.symtab && !f.debug_info && !f.debug_file;
    }
    say(GOOD, "libraries", "%zu mapped, %zu of them stripped to their exported functions",
        libraries, stripped);
    maps_clear(&maps);
}

/* Less of it is a few trampolines. */
#define COMPILED_LEAST_BYTES (64 << 10)

/* Code that the process has compiled while it runs, and whether it says how that is called. */
static void check_compiled(pid_t pid, const char *exe, const char *runtime)
{
    struct maps maps;
    uint64_t bytes = 0;
    char size[FIGURE_MAX], text[REMEDY_MAX];
    maps_init(&maps);
    bool read = maps_read(&maps, pid, NULL, NULL);
    for (size_t i = 0; read && i < maps.list.n; i++) {
        const struct mapping *map = &maps.list.at[i];
        if (map->perms & MAP_EXEC && !maps_is_file(&maps, map) && *maps_path(&maps, map) != '[')
            bytes += map->end - map->start;
    }
    maps_clear(&maps);
    if (bytes < COMPILED_LEAST_BYTES)
        return;
    struct perf_map *names = perf_map_new(pid);
    size_t count = perf_map_count(names);
    perf_map_free(names);
    if (count) {
        say(GOOD, "compiled code", "%zu names of code that was compiled while it runs", count);
        return;
    }
    say(NOTE, "compiled code", "%s that were compiled while it runs have no names",
        figure_bytes(size, (double)bytes));
    if (nameless_remedy(text, exe, runtime, pid))
        remedy(text);
}

/* runtime: what nameless_remedy() takes. */
static void check_python(pid_t pid, char runtime[64])
{
    struct python *python = NULL;
    struct err err;
    runtime[0] = '\0';
    switch (python_open(&python, pid, &err)) {
    case PYTHON_FOUND:
        snprintf(runtime, 64, "python %s", python_version(python));
        say(GOOD, "Python", "CPython %s: functions, files and lines", python_version(python));
        break;
    case PYTHON_UNSUPPORTED:
        say(BAD, "Python", "%s", err.text);
        break;
    case PYTHON_NOT_READY:
        say(NOTE, "Python", "an interpreter that is still starting");
        break;
    case PYTHON_NONE:
        say(GOOD, "Python", "no interpreter in this process: native stacks are shown");
        break;
    }
    python_free(python);
}

/* Whether what stays can be told. */
static void check_allocators(pid_t pid)
{
    char names[400];
    struct err err;
    bool other;
    if (!uprobes_allowed(NULL))
        return;
    if (!allocators_say(pid, names, sizeof names, &other, &err)) {
        say(NOTE, "allocators", "%s", err.text);
        return;
    }
    say(GOOD, "allocators", "%s: what stays can be looked for (g)", names);
    if (other)
        say(NOTE, "", "not glibc's alone: what was freed, not given out again, can seem to stay");
}

/* What its control groups take from it, beside what the machine has. */
static void check_limits(pid_t pid)
{
    struct cgroups groups;
    struct capacity c;
    char limit[FIGURE_MAX], used[FIGURE_MAX];
    if (!cgroups_find("", pid, &groups, NULL))
        return;
    capacity_read(pid, &groups, &c);
    say(GOOD, "may use", "%.2f cores (%u by affinity%s), %s of memory (%s)", c.cpus, c.affinity,
        c.quota_cpus > 0 ? ", limited by its cgroup" : "",
        figure_bytes(limit, (double)c.memory_limit_bytes),
        c.memory_by_cgroup ? "its cgroup's limit" : "the system's");
    if (c.quota_cpus > 0 && c.quota_cpus < c.affinity) {
        say(NOTE, "CPU quota", "%.2f CPUs: when they are used up its threads are throttled",
            c.quota_cpus);
        remedy("raise cpu.max of its cgroup (version 1: cpu.cfs_quota_us): systemctl set-property "
               "UNIT CPUQuota=, docker update --cpus, or the pod's CPU limit");
    }
    /* From here on the alert would be raised soon. */
    if (c.memory_by_cgroup && c.memory_used_bytes >= c.memory_limit_bytes / 10 * 8) {
        say(NOTE, "memory limit", "%s of the %s of its cgroup are used",
            figure_bytes(used, (double)c.memory_used_bytes), limit);
        remedy("raise memory.max of its cgroup (version 1: memory.limit_in_bytes)");
    }
}

static bool check_target(pid_t pid)
{
    struct err err;
    struct process_info info;
    char runtime[64];
    printf("\n");
    if (!process_read(pid, &info, &err) || !process_check_traceable(pid, &err)) {
        say(BAD, "target", "%s", err.text);
        return false;
    }
    say(GOOD, "target", "%s (%d), %u threads, may be watched", info.comm, (int)pid, info.threads);
    if (info.exe_deleted)
        say(NOTE, "program", "%s was replaced or removed since it was started", info.exe);
    check_limits(pid);
    check_python(pid, runtime);
    check_allocators(pid);
    check_symbols(pid, info.exe);
    check_compiled(pid, info.exe, runtime);
    return true;
}

int verb_doctor(const struct options *o)
{
    pid_t pid = o->pids.n ? (pid_t)o->pids.at[0] : 0;
    check_machine();
    check_bpf();
    if (pid && !check_target(pid)) {
        struct err err;
        fflush(stdout);
        err_set(&err, "process %d cannot be watched: see above", (int)pid);
        return fail(&err);
    }
    return EXIT_DONE;
}
