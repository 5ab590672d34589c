/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See nameless.h. Pure. */
#include "view/nameless.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* %d: the process. */
static const struct {
    const char *program; /* the beginning of its file's name */
    int least_minor;     /* of Python, which has told its version */
    const char *remedy;
} remedies[] = {
    {"node", 0, "start node with --perf-basic-prof"},
    {"java", 0, "start java with -XX:+PreserveFramePointer; names: jcmd %d Compiler.perfmap"},
    {"python", 12, "start python with -X perf"},
};

const char *nameless_remedy(char out[REMEDY_MAX], const char *exe, const char *runtime, int32_t pid)
{
    int minor = 0;
    bool python = sscanf(runtime, "python 3.%d", &minor) == 1;
    const char *program = python ? "python" : path_base(exe);
    for (size_t i = 0; i < sizeof remedies / sizeof remedies[0]; i++) {
        size_t n = strlen(remedies[i].program);
        if (strncmp(program, remedies[i].program, n) != 0 || isalpha((unsigned char)program[n]) ||
            minor < remedies[i].least_minor)
            continue;
        const char *number = strstr(remedies[i].remedy, "%d");
        if (number)
            snprintf(out, REMEDY_MAX, "%.*s%d%s", (int)(number - remedies[i].remedy),
                     remedies[i].remedy, (int)pid, number + 2);
        else
            snprintf(out, REMEDY_MAX, "%s", remedies[i].remedy);
        return out;
    }
    return NULL;
}

const char *nameless_remedy_of(char out[REMEDY_MAX], const struct recording *rec)
{
    for (size_t i = 1; i < rec->incarnations.n; i++) {
        const struct incarnation *in = &rec->incarnations.at[i];
        if (nameless_remedy(out, string_text(&rec->words, in->exe),
                            string_text(&rec->words, in->runtime), in->pid))
            return out;
    }
    return NULL;
}

bool nameless_is(const struct recording *rec, struct function_id function)
{
    const struct function *f = function_at(&rec->words, function);
    return f->language == LANGUAGE_JIT &&
           strcmp(string_text(&rec->words, f->name), NAMELESS_CODE) == 0;
}
