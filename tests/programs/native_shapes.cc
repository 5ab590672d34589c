/* SPDX-License-Identifier: GPL-2.0-or-later */
/* C++ names for the tests of native symbols: spins in ns::Circle::area<int>. */
#include <cstdio>
#include <map>
#include <string>

volatile unsigned long sink;

namespace ns
{
struct Shape {
    virtual ~Shape() = default;
    virtual double area(int n) = 0;
};

template <typename Key, typename Value> struct Circle : Shape {
    std::map<Key, Value> values;
    __attribute__((noinline)) double area(int n) override
    {
        for (;;) {
            sink = sink + static_cast<unsigned long>(n); /* FIND:area */
            if (sink == 1)
                break;
        }
        return static_cast<double>(values.size());
    }
};

static __attribute__((noinline)) double measure(Shape &shape, const std::string &)
{
    double a = shape.area(2); /* FIND:measure */
    sink = sink + 1;
    return a;
}
} // namespace ns

int main()
{
    ns::Circle<std::string, std::map<int, std::string>> circle;
    std::puts("ready");
    std::fflush(stdout);
    double a = ns::measure(circle, "a"); /* FIND:main */
    sink = sink + 1;
    return a > 1e9;
}
