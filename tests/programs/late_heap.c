/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Has no heap until its input says so: then 3,000 blocks of 200 bytes. Prints "ready" first. */
#include <stdlib.h>
#include <unistd.h>

static void *blocks[3000];

int main(void)
{
    char letter;
    if (write(1, "ready\n", 6) != 6 || read(0, &letter, 1) != 1)
        return 1;
    for (int i = 0; i < 3000; i++)
        if (!(blocks[i] = malloc(200)))
            return 1;
    for (;;)
        pause();
}
