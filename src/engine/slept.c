/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See slept.h. */
#include "engine/slept.h"

#include "base/clock.h"

uint64_t slept_since(struct slept *s, uint64_t boot_ns, uint64_t mono_ns)
{
    uint64_t ahead_ns = boot_ns > mono_ns ? boot_ns - mono_ns : 0;
    uint64_t ns = s->known && ahead_ns > s->ahead_ns ? ahead_ns - s->ahead_ns : 0;
    /* Less than it was: we were held up between the two readings. It never really goes back. */
    if (!s->known || ns)
        s->ahead_ns = ahead_ns;
    s->known = true;
    return ns >= SLEPT_LEAST_NS ? ns : 0;
}
