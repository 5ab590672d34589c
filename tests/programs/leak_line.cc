// SPDX-License-Identifier: GPL-2.0-or-later
// A heap in which much comes and goes and 1 MB/s of small objects stays.
// leak_line [SECONDS [THREADS [TEXTS]]]: TEXTS (200 bytes each) are in the heap at a time. Prints
// "ready" and, at the end, "rounds/s N".
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>
#include <vector>

struct Session {
    long number;
    char name[100];
};

static std::vector<Session *> kept;

__attribute__((noinline)) static void leak_session(long number)
{
    Session *s = new Session; // LEAK
    s->number = number;
    snprintf(s->name, sizeof s->name, "session-%ld", number);
    kept.push_back(s);
}

__attribute__((noinline)) static void churn(std::vector<std::string> &table, long number)
{
    std::string text = "a beginning that all of these texts have in common, "; // CHURN
    text += std::to_string(number);
    text.append((size_t)number % 200, 'x');
    table[(size_t)number * 7919 % table.size()] = std::move(text);
}

static double now()
{
    using namespace std::chrono;
    return duration<double>(steady_clock::now().time_since_epoch()).count();
}

static void work(double seconds, size_t texts, bool leaks)
{
    std::vector<std::string> table(texts);
    double began = now(), at = began;
    long leaked = 0, rounds = 0;
    while ((at = now()) < began + seconds) {
        for (; leaks && leaked < (at - began) * 9362; leaked++) // chunks of 112 bytes
            leak_session(leaked);
        for (int i = 0; i < 100; i++)
            churn(table, rounds++);
    }
    if (leaks)
        printf("rounds/s %.0f\n", (double)rounds / (at - began));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 3600;
    int threads = argc > 2 ? atoi(argv[2]) : 1;
    size_t texts = argc > 3 ? strtoul(argv[3], NULL, 10) : 200000;
    std::vector<std::thread> others;
    puts("ready");
    fflush(stdout);
    for (int i = 1; i < threads; i++)
        others.emplace_back(work, seconds, texts, false);
    work(seconds, texts, true);
    for (std::thread &t : others)
        t.join();
}
