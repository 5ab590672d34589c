// SPDX-License-Identifier: GPL-2.0-or-later
// Objects of classes with virtual functions stay, beside texts, and rows of such objects in a
// std::vector. leak_classes [SECONDS]: prints "ready".
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
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
template <typename T> struct Box : Thing {
    T value[20] = {0};
};
struct Row : Thing {
    long cells[3] = {0};
};
} // namespace shop

static std::vector<std::unique_ptr<shop::Thing>> things;
static std::vector<std::vector<shop::Row>> rows;
static std::vector<std::string> texts;

extern "C" {
__attribute__((noinline)) void keep_order(long number)
{
    auto order = std::make_unique<shop::Order>();
    order->id = number;
    things.push_back(std::move(order));
}

__attribute__((noinline)) void keep_box(long number)
{
    auto box = std::make_unique<shop::Box<int>>();
    box->id = number;
    things.push_back(std::move(box));
}

__attribute__((noinline)) void keep_row(long number)
{
    std::vector<shop::Row> row(8);
    row[0].id = number;
    rows.push_back(std::move(row));
}

__attribute__((noinline)) void keep_text(long number)
{
    texts.push_back("a text that is longer than what fits " + std::to_string(number));
}
}

int main(int argc, char **argv)
{
    timespec pause = {0, 200000};
    long last = (argc > 1 ? atol(argv[1]) : 3600) * 4000;
    things.reserve(2000000);
    rows.reserve(1000000);
    texts.reserve(1000000);
    puts("ready");
    fflush(stdout);
    for (long number = 0; number < last; number++) {
        keep_order(number);
        keep_order(number);
        keep_box(number);
        keep_row(number);
        keep_text(number);
        nanosleep(&pause, nullptr);
    }
}
