// SPDX-License-Identifier: GPL-2.0-or-later
// 5,000 orders in one vector, 500 more a second in another; 3,000 objects that nothing points at; a
// list of 2,000, and 500 more a second, with one pointer to its head. Prints "ready", then runs on.
#include <cstdio>
#include <vector>

#include <time.h>

namespace shop
{
struct Thing {
    virtual ~Thing() = default;
    long id = 0;
};
struct Order : Thing {
    long lines[6] = {0};
};
struct Lost : Thing {
    long cells[3] = {0};
};
struct Link : Thing {
    Link *next = nullptr;
};
} // namespace shop

static std::vector<shop::Order *> old;
static std::vector<shop::Order *> fresh;
static shop::Link *head;
static shop::Thing *volatile latest;

static void add_link()
{
    auto *link = new shop::Link;
    link->next = head;
    head = link;
}

int main()
{
    for (int i = 0; i < 5000; i++)
        old.push_back(new shop::Order);
    for (int i = 0; i < 3000; i++)
        latest = new shop::Lost;
    for (int i = 0; i < 2000; i++)
        add_link();
    latest = nullptr;
    puts("ready");
    fflush(stdout);
    for (const timespec step = {0, 10000000};; nanosleep(&step, nullptr))
        for (int i = 0; i < 5; i++) {
            fresh.push_back(new shop::Order);
            add_link();
        }
}
