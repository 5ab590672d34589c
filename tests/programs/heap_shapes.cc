/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A C++ heap of known contents: polymorphic classes (plain, derived, with two bases, a template,
 * arrays of them, in shared_ptr blocks), strings, vectors, raw and mapped buffers, and much that
 * was freed. "heap_shapes [threads|churn|brk|foreign|own|vast|big|huge]..." then says "ready" and
 * waits; with churn a thread allocates and frees all the time, with own its operator new is no
 * malloc.
 */
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <malloc.h>
#include <map>
#include <memory>
#include <string>
#include <sys/mman.h>
#include <thread>
#include <unistd.h>
#include <unordered_map>
#include <vector>

static char *own_at, *own_from, *own_end;

void *operator new(size_t size)
{
    if (!own_at)
        return malloc(size);
    char *block = own_at;
    own_at += (size + 15) & ~(size_t)15;
    if (own_at > own_end)
        abort();
    return block;
}

void operator delete(void *block) noexcept
{
    if ((char *)block < own_from || (char *)block >= own_end)
        free(block);
}

void operator delete(void *block, size_t) noexcept
{
    operator delete(block);
}

namespace shop
{
struct Thing {
    virtual ~Thing() = default;
    long id = 0;
};
struct Named {
    virtual ~Named() = default;
    long tag = 1;
};
struct Order : Thing {
    long lines[3] = {1, 2, 3};
    virtual long sum() const
    {
        return lines[0] + lines[1];
    }
};
struct Widget : Thing, Named {
    double x[10] = {0};
};
template <typename T> struct Box : Named {
    T value[25];
};
struct Payload : Thing {
    char text[40] = "payload";
};
struct Leaf : Thing {
    long weight = 7;
};
struct Row : Thing {
    long cells[4] = {0};
};
} // namespace shop

using namespace shop;

struct Node {
    Node *next;
    Order *order;
};

/* What holds the orders: a global, a map's nodes, and a list of plain structs. */
std::unordered_map<long, Leaf *> g_leaves;
Node *g_orders;

struct Kept {
    std::vector<Order *> orders;
    std::vector<Widget *> widgets;
    std::vector<Box<int> *> boxes;
    std::vector<std::shared_ptr<Payload>> payloads;
    std::vector<std::string> strings;
    std::vector<std::vector<double>> numbers;
    std::vector<char *> raw, mapped;
    std::vector<Leaf *> arrays;
    std::vector<Row> rows;
};

static void fill(Kept &k, int scale)
{
    std::vector<void *> freed;
    for (int i = 0; i < 10000 * scale; i++) {
        k.orders.push_back(new Order);
        if (i % 2 == 0)
            k.widgets.push_back(new Widget);
        if (i % 4 == 0)
            k.boxes.push_back(new Box<int>);
        if (i % 5 == 0)
            k.payloads.push_back(std::make_shared<Payload>());
        if (i % 10 == 0)
            k.strings.push_back(std::string(700, 'x'));
        if (i % 20 == 0)
            k.numbers.push_back(std::vector<double>(222, 1.0));
        if (i % 50 == 0) {
            k.raw.push_back(own_at ? new char[5000] : (char *)malloc(5000));
            memset(k.raw.back(), 'r', 5000);
        }
        if (i % 100 == 0)
            k.arrays.push_back(new Leaf[9]);
        freed.push_back(new Order);
        freed.push_back(own_at ? nullptr : malloc(24 + (size_t)(i % 40) * 24));
    }
    for (size_t i = 0; i < freed.size(); i += 2)
        delete (Order *)freed[i];
    for (size_t i = 1; i < freed.size(); i += 2)
        free(freed[i]);
}

static void link_up(Kept &k)
{
    k.rows.reserve(700);
    k.rows.resize(650);
    asm volatile("" : : "r"(k.rows.data()) : "memory"); /* they are to be there */
    for (Order *order : k.orders)
        g_orders = new Node{g_orders, order};
    for (long i = 0; i < 3000; i++)
        g_leaves[i] = new Leaf;
    std::vector<char *> small; /* half of them end in the thread's cache and in a fastbin */
    for (int i = 0; i < 5000; i++)
        small.push_back(new char[60]);
    for (size_t i = 0; i < small.size(); i += 2)
        delete[] small[i];
}

static void churn()
{
    std::vector<Widget *> some(5000);
    unsigned seed = 1;
    for (;;) {
        Widget *&slot = some[(size_t)rand_r(&seed) % some.size()];
        delete slot;
        slot = new Widget;
        free(malloc((size_t)rand_r(&seed) % 900 + 1));
    }
}

int main(int argc, char **argv)
{
    auto has = [&](const char *word) {
        for (int i = 1; i < argc; i++)
            if (!strcmp(argv[i], word))
                return true;
        return false;
    };
    static Kept kept;
    int scale = has("big") ? 25 : has("huge") ? 100 : 1;
    if (has("own")) {
        own_from = own_at = (char *)mmap(nullptr, 64 << 20, PROT_READ | PROT_WRITE,
                                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        own_end = own_at + (64 << 20);
    }
    if (has("brk")) { /* the heap cannot grow where it is */
        char *end = (char *)sbrk(0);
        end += 4096 - (size_t)end % 4096;
        if (mmap(end + (64 << 10), 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
                 0) == MAP_FAILED)
            return 1;
    }
    if (has("vast")) { /* 100 GB, of which a page in a GB is there, and some of it at once */
        char *vast = (char *)mmap(nullptr, (size_t)100 << 30, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (vast == MAP_FAILED)
            return 1;
        for (size_t i = 0; i < 100; i++)
            vast[i << 30] = 1;
        memset(vast, 2, 64 << 20);
    }
    if (has("foreign")) {
        kept.raw.push_back((char *)malloc(5000));
        memset(sbrk(8192), 0x41, 8192);
    }
    if (has("threads")) {
        static Kept parts[4];
        std::vector<std::thread> threads;
        for (Kept &part : parts)
            threads.emplace_back([&part] { fill(part, 1); });
        for (std::thread &t : threads)
            t.join();
    } else {
        fill(kept, scale);
        for (int i = 0; i < 5 && !own_at; i++) {
            kept.mapped.push_back((char *)malloc((size_t)(3 << 20)));
            kept.mapped.back()[0] = 1;
        }
        link_up(kept);
    }
    if (has("churn"))
        std::thread(churn).detach();
    printf("ready\n");
    fflush(stdout);
    char c;
    return read(0, &c, 1) == 1;
}
