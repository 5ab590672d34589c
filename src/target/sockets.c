/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See sockets.h. */
#include "target/sockets.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/text.h"
#include "base/vec.h"
#include "target/diag.h"

#define ROWS_MAX       16384 /* of one reading; those after it stay unknown */
#define KNOWN_MAX      16384
#define BUSY_SHARE     100 /* reading takes at most this part of the time */
#define PAUSE_MIN_NS   (20 * NS_PER_MS)
#define UNKNOWN_NS     NS_PER_S /* a socket that was in no table is looked for again after this */
#define STATE_LISTEN   0x0a
#define UNIX_CONNECTED 3       /* SS_CONNECTED */
#define UNIX_LISTEN    0x10000 /* __SO_ACCEPTCON */

struct known {
    struct socket_row row;
    char peer[128];     /* of a nameless unix socket; "" not asked yet */
    uint64_t sought_ns; /* inode 0 in row: in no table when we looked then */
};

struct sockets {
    pid_t pid;
    VEC(struct known) known;
    struct map by_inode, listening; /* listening: by local port */
    uint64_t next_ns;               /* not to be read before */
    size_t rows;                    /* of this reading */
    struct diag *diag;
};

/* The n-th of the words that blanks part; NULL if there are fewer. */
static const char *word(const char *line, int n)
{
    for (;;) {
        line += strspn(line, " ");
        if (!*line || *line == '\n')
            return NULL;
        if (n-- == 0)
            return line;
        line += strcspn(line, " \n");
    }
}

static bool parse_address(const char *text, bool v6, uint8_t address[16], uint16_t *port)
{
    int words = v6 ? 4 : 1;
    memset(address, 0, 16);
    for (int i = 0; i < words; i++, text += 8) {
        char hex[9] = {0}, *end;
        if (strnlen(text, 8) < 8)
            return false;
        memcpy(hex, text, 8);
        /* A word of the address as the machine has it: its bytes are in network order. */
        uint32_t value = (uint32_t)strtoul(hex, &end, 16);
        if (*end)
            return false;
        memcpy(address + 4 * i, &value, sizeof value);
    }
    char *end;
    unsigned long number = *text == ':' ? strtoul(text + 1, &end, 16) : UINT16_MAX + 1ul;
    *port = (uint16_t)number;
    return number <= UINT16_MAX && *end == ' ';
}

/* An IPv4 peer of a socket that takes both. */
static void unmap(struct socket_row *row)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (!row->v6 || memcmp(row->remote, mapped, sizeof mapped) != 0)
        return;
    memmove(row->remote, row->remote + 12, 4);
    memmove(row->local, row->local + 12, 4);
    row->v6 = false;
}

bool sockets_parse_inet(const char *line, enum socket_protocol protocol, bool v6,
                        struct socket_row *row)
{
    *row = (struct socket_row){.protocol = protocol, .v6 = v6};
    const char *local = word(line, 1), *remote = word(line, 2), *state = word(line, 3),
               *inode = word(line, 9);
    if (!inode || !parse_address(local, v6, row->local, &row->local_port) ||
        !parse_address(remote, v6, row->remote, &row->remote_port))
        return false;
    row->listening = protocol == SOCKET_TCP && strtoul(state, NULL, 16) == STATE_LISTEN;
    row->inode = strtoull(inode, NULL, 10);
    unmap(row);
    return row->inode != 0;
}

bool sockets_parse_unix(const char *line, struct socket_row *row)
{
    *row = (struct socket_row){.protocol = SOCKET_UNIX};
    const char *flags = word(line, 3), *state = word(line, 5), *inode = word(line, 6),
               *path = word(line, 7);
    if (!inode)
        return false;
    char *end;
    row->listening = strtoul(flags, NULL, 16) & UNIX_LISTEN;
    row->connected = strtoul(state, NULL, 16) == UNIX_CONNECTED;
    row->inode = strtoull(inode, &end, 10);
    if (end == inode || (*end != ' ' && *end != '\n' && *end))
        return false;
    if (path)
        snprintf(row->path, sizeof row->path, "%.*s", (int)strcspn(path, "\n"), path);
    text_make_printable(row->path);
    return row->inode != 0;
}

static void print_host(char *out, size_t size, const uint8_t *address, bool v6)
{
    char host[INET6_ADDRSTRLEN] = "?";
    inet_ntop(v6 ? AF_INET6 : AF_INET, address, host, sizeof host);
    snprintf(out, size, v6 ? "[%s]" : "%s", host);
}

void sockets_print(char *out, size_t size, const struct socket_row *row, bool server)
{
    char host[64];
    if (row->protocol == SOCKET_UNIX) {
        /* A listener's name is also that of the connections which it has accepted. */
        snprintf(out, size, "unix %s%s%s", row->listening ? "listener " : "", row->path,
                 server ? " (client)" : "");
        return;
    }
    const char *protocol = row->protocol == SOCKET_TCP ? "tcp" : "udp";
    if (!row->remote_port) {
        print_host(host, sizeof host, row->local, row->v6);
        snprintf(out, size, "%s %s %s:%u", protocol, row->listening ? "listener" : "local", host,
                 row->local_port);
        return;
    }
    print_host(host, sizeof host, row->remote, row->v6);
    if (server)
        snprintf(out, size, "%s %s (client of port %u)", protocol, host, row->local_port);
    else
        snprintf(out, size, "%s %s:%u", protocol, host, row->remote_port);
}

struct sockets *sockets_new(pid_t pid)
{
    struct sockets *s = xcalloc(1, sizeof *s);
    s->pid = pid;
    return s;
}

static void forget(struct sockets *s)
{
    vec_clear(&s->known);
    map_clear(&s->by_inode);
}

void sockets_free(struct sockets *s)
{
    if (!s)
        return;
    vec_free(&s->known);
    map_free(&s->by_inode);
    map_free(&s->listening);
    diag_free(s->diag);
    free(s);
}

static struct known *known_of(struct sockets *s, uint64_t inode)
{
    uint32_t n = map_get(&s->by_inode, inode);
    return n == MAP_NONE ? NULL : &s->known.at[n];
}

static struct known *add_known(struct sockets *s, uint64_t inode)
{
    struct known *k = known_of(s, inode);
    if (!k) {
        map_set(&s->by_inode, inode, (uint32_t)s->known.n);
        k = vec_add(&s->known);
    }
    return k;
}

static void take_row(void *context, const struct socket_row *row)
{
    struct sockets *s = context;
    if (s->rows++ >= ROWS_MAX)
        return;
    if (row->listening && row->protocol == SOCKET_TCP)
        map_set(&s->listening, row->local_port, 1);
    struct known *k = add_known(s, row->inode);
    k->row = *row;
    k->peer[0] = '\0';
    unmap(&k->row);
}

static void read_table(struct sockets *s, pid_t tid, const char *name,
                       enum socket_protocol protocol, bool v6)
{
    char path[80], line[512];
    snprintf(path, sizeof path, "/proc/%d/task/%d/net/%s", (int)s->pid, (int)tid, name);
    FILE *f = fopen(path, "re");
    if (!f)
        return;
    while (s->rows < ROWS_MAX && fgets(line, sizeof line, f)) {
        struct socket_row row;
        bool good = protocol == SOCKET_UNIX ? sockets_parse_unix(line, &row)
                                            : sockets_parse_inet(line, protocol, v6, &row);
        if (good)
            take_row(s, &row);
    }
    fclose(f);
}

/* /proc/net/tcp is read bucket by bucket of a table that may have 262,144: 5 ms here. */
static void read_tcp(struct sockets *s, pid_t tid, const char *name, bool v6)
{
    if (!diag_tcp(s->diag, v6, take_row, s))
        read_table(s, tid, name, SOCKET_TCP, v6);
}

static void read_tables(struct sockets *s, pid_t tid, uint64_t now_ns)
{
    uint64_t begin_ns = clock_mono_ns();
    if (!s->diag)
        s->diag = diag_new(s->pid, tid);
    if (s->known.n > KNOWN_MAX)
        forget(s);
    map_clear(&s->listening);
    s->rows = 0;
    read_tcp(s, tid, "tcp", false);
    read_tcp(s, tid, "tcp6", true);
    read_table(s, tid, "udp", SOCKET_UDP, false);
    read_table(s, tid, "udp6", SOCKET_UDP, true);
    read_table(s, tid, "unix", SOCKET_UNIX, false);
    uint64_t pause_ns = (clock_mono_ns() - begin_ns) * BUSY_SHARE;
    s->next_ns = now_ns + (pause_ns > PAUSE_MIN_NS ? pause_ns : PAUSE_MIN_NS);
}

/* A client of a unix socket has no name: its peer has. */
static void print_nameless(struct sockets *s, struct known *k, char *out, size_t size)
{
    if (!k->peer[0]) {
        char name[108] = "";
        uint64_t peer = 0;
        diag_unix_peer(s->diag, k->row.inode, &peer, name, sizeof name);
        if (name[0])
            snprintf(k->peer, sizeof k->peer, "unix %s", name);
        else if (!peer)
            snprintf(k->peer, sizeof k->peer, "unix socket without a name");
        else
            snprintf(k->peer, sizeof k->peer, "unix socket pair, peer socket:[%llu]",
                     (unsigned long long)peer);
    }
    snprintf(out, size, "%s", k->peer);
}

static bool is_server_side(const struct sockets *s, const struct socket_row *row)
{
    if (row->listening || row->protocol == SOCKET_UDP)
        return false;
    return row->protocol == SOCKET_UNIX ? row->connected
                                        : map_get(&s->listening, row->local_port) != MAP_NONE;
}

enum socket_found sockets_find(struct sockets *s, pid_t tid, uint64_t inode, uint64_t now_ns,
                               char *out, size_t size)
{
    struct known *k = known_of(s, inode);
    if (!k || (!k->row.inode && now_ns - k->sought_ns > UNKNOWN_NS)) {
        if (now_ns < s->next_ns)
            return k ? SOCKET_UNKNOWN : SOCKET_LATER;
        read_tables(s, tid, now_ns);
        k = add_known(s, inode);
        k->sought_ns = now_ns;
    }
    if (!k->row.inode)
        return SOCKET_UNKNOWN;
    if (k->row.protocol == SOCKET_UNIX && !k->row.path[0])
        print_nameless(s, k, out, size);
    else
        sockets_print(out, size, &k->row, is_server_side(s, &k->row));
    return SOCKET_FOUND;
}
