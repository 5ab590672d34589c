/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See demangle.h. The work is libiberty's, which knows C++ and both manglings of Rust. */
#include "native/demangle.h"

#include <libiberty/demangle.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define SYMBOL_MAX             4096u /* longer ones are left mangled: demangling can explode */
#define TEMPLATE_ARGUMENTS_MAX 40    /* longer lists are shown as <...> */

/* Appended by gcc, clang and Go to parts and variants of one function; a number may follow. */
static const char *const suffixes[] = {".cold",     ".part", ".isra",       ".constprop",
                                       ".lto_priv", ".llvm", ".localalias", ".abi0"};

/* Cuts a symbol version (@@GLIBC_2.14) and compilers' suffixes. */
static char *plain(const char *symbol)
{
    size_t n = strcspn(symbol, "@");
    char *name = xstrndup(symbol, n ? n : strlen(symbol));
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        char *at = strstr(name, suffixes[i]);
        char next = at ? at[strlen(suffixes[i])] : '\0';
        if (at && at != name && (!next || next == '.'))
            *at = '\0';
    }
    return name;
}

/* _ZN...17h<16 hex digits>E is how Rust's first mangling ends. */
static bool is_legacy_rust(const char *symbol)
{
    size_t n = strlen(symbol);
    return n > 24 && !strncmp(symbol, "_ZN", 3) && symbol[n - 1] == 'E' &&
           !strncmp(symbol + n - 20, "17h", 3) && strspn(symbol + n - 17, "0123456789abcdef") == 16;
}

/* Shortens every outermost list of template arguments that is long. In place. Operators (<, <<, ->)
 * are no lists. */
static void shorten_templates(char *name)
{
    char *to = name;
    for (char *from = name; *from;) {
        bool is_operator = to - name >= 8 && !memcmp(to - 8, "operator", 8);
        if (*from != '<' || is_operator || from == name) {
            *to++ = *from++;
            while (is_operator && *from && strchr("<>=-", *from))
                *to++ = *from++;
            continue;
        }
        char *end = from;
        int depth = 0;
        do {
            depth += *end == '<';
            depth -= *end == '>' && end > from && end[-1] != '-';
            end++;
        } while (*end && depth > 0);
        size_t length = (size_t)(end - from);
        if (depth || length <= TEMPLATE_ARGUMENTS_MAX) {
            memmove(to, from, length);
            to += length;
        } else {
            memcpy(to, "<...>", 5);
            to += 5;
        }
        from = end;
    }
    *to = '\0';
}

char *demangle(const char *symbol, enum language *language)
{
    char *name = plain(symbol), *found = NULL;
    bool rust = !strncmp(name, "_R", 2) || is_legacy_rust(name);
    if (strlen(name) <= SYMBOL_MAX) {
        if (rust)
            found = rust_demangle(name, DMGL_NO_OPTS);
        if (found) {
            *language = LANGUAGE_RUST;
        } else if (!strncmp(name, "_Z", 2)) {
            found = cplus_demangle(name, DMGL_GNU_V3);
            if (found) {
                *language = LANGUAGE_CXX;
                shorten_templates(found);
            }
        }
    }
    if (found) {
        free(name);
        name = xstrdup(found);
        free(found);
    }
    text_make_printable(name);
    return name;
}

char *demangle_type(const char *name)
{
    char *found = NULL;
    if (strlen(name) <= SYMBOL_MAX)
        found = cplus_demangle_v3(name, DMGL_TYPES | DMGL_PARAMS);
    char *type = xstrdup(found ? found : name);
    free(found);
    text_make_printable(type);
    return type;
}
