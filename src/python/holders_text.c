/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See holders_text.h. A class that a module names is told by its own full name. */
#include "python/holders_text.h"

#include <string.h>

#include "python/object.h"
#include "target/remote.h"

#define STEPS_MAX 64 /* that are told; a longer way is cut in its middle */
#define KEY_CHARS 40

unsigned path_depth(const struct path_nodes *nodes, uint32_t node)
{
    unsigned depth = 0;
    for (; node != PATH_NONE; node = nodes->at[node].parent)
        depth++;
    return depth;
}

bool path_leads_to(const struct path_nodes *nodes, const struct path_node *found, uint32_t node)
{
    for (uint32_t n = found->parent; n != PATH_NONE; n = nodes->at[n].parent)
        if (n == node)
            return true;
    return false;
}

static const struct type *type_of(const struct path_words *w, uint64_t object)
{
    uint64_t type;
    if (!object_plausible(object) || !peek_word(w->peek, object + 8, &type))
        return NULL;
    uint32_t i = types_find(w->types, type);
    return i == MAP_NONE ? NULL : &w->types->list.at[i];
}

static void add_name(struct text *t, const struct path_words *w, const char *before, uint64_t name)
{
    char text[UNICODE_TEXT_SIZE];
    if (!object_text(w->pid, w->layout, name, text))
        strcpy(text, "?");
    text_add(t, "%s%.*s", before, 120, text);
}

/* ['/index'], [42], or what the key is. */
static void add_key(struct text *t, const struct path_words *w, uint64_t key)
{
    const struct type *type = type_of(w, key);
    char text[UNICODE_TEXT_SIZE];
    uint64_t size = 0;
    uint32_t digits[2] = {0};
    if (type && type->flags & TYPE_UNICODE && object_text(w->pid, w->layout, key, text)) {
        bool cut = strlen(text) > KEY_CHARS;
        if (cut)
            text[KEY_CHARS] = '\0';
        text_make_printable(text); /* a character that was cut in two */
        text_add(t, cut ? "['%s...']" : "['%s']", text);
    } else if (type && type->flags & TYPE_LONG && peek_word(w->peek, key + 16, &size) &&
               peek_read(w->peek, key + 24, digits, sizeof digits)) {
        bool negative = w->layout->minor >= 12 ? (size & 3) == 2 : (int64_t)size < 0;
        if (w->layout->minor >= 12)
            size >>= 3;
        else if (negative)
            size = -size;
        uint64_t value = size > 1 ? digits[0] | (uint64_t)digits[1] << 30 : size ? digits[0] : 0;
        text_add(t, size > 2 ? "[int]" : "[%s%llu]", negative ? "-" : "",
                 (unsigned long long)value);
    } else {
        text_add(t, "[%s]", type ? type->name : "?");
    }
}

/* " of worker()" for a local of a generator, coroutine or frame object. From 3.11 a generator's
 * frame is a part of it; before, its code is beside a pointer to that (Include/genobject.h). A
 * frame object has its code to 3.10; later it points at the frame. */
static void add_owner(struct text *t, const struct path_words *w, uint32_t parent)
{
    const struct layout *l = w->layout;
    const struct type *type = parent == PATH_NONE ? NULL : type_of(w, w->nodes->at[parent].object);
    uint64_t code = 0, name = 0;
    if (!type || w->nodes->at[parent].kind == PATH_FRAME)
        return;
    uint64_t object = w->nodes->at[parent].object, frame = object;
    if (!strcmp(type->name, "frame")) {
        if (l->minor <= 10 || peek_word(w->peek, object + FRAME_OBJECT_AT, &frame))
            peek_word(w->peek, frame + l->frame_code.at, &code);
    } else if (l->minor >= 11) {
        peek_word(w->peek, object + type->basic_bytes - l->frame_locals_at + l->frame_code.at,
                  &code);
    } else {
        peek_word(w->peek, object + (l->minor == 10 ? 24 : 32), &code);
    }
    if (l->minor >= 14)
        code &= ~REFERENCE_TAGS;
    const struct field f = l->code_qualname.size ? l->code_qualname : l->code_name;
    if (!object_plausible(code) || !peek_word(w->peek, code + f.at, &name))
        return;
    add_name(t, w, " of ", name);
    text_add(t, "()");
}

static void add_step(struct text *t, const struct path_words *w, const struct path_node *n)
{
    char name[128];
    switch ((enum ref_kind)n->kind) {
    case REF_ROOT:
        add_name(t, w, "module ", n->value);
        break;
    case REF_GLOBAL:
    case REF_ATTRIBUTE:
        add_name(t, w, ".", n->value);
        break;
    case REF_INSTANCE:
        if (n->value)
            add_name(t, w, " .", n->value);
        else
            text_add(t, " .__dict__");
        break;
    case REF_MEMBER:
        remote_read_string(w->pid, n->value, name, sizeof name);
        text_add(t, " .%s", name);
        break;
    case REF_KEY:
        add_key(t, w, n->value);
        break;
    case REF_AS_KEY:
        text_add(t, " key");
        break;
    case REF_INDEX:
        text_add(t, "[%llu]", (unsigned long long)n->value);
        break;
    case REF_ITEM:
        text_add(t, " item");
        break;
    case REF_LOCAL:
        add_name(t, w, " local ", n->value);
        add_owner(t, w, n->parent);
        break;
    case REF_CLOSURE:
        add_name(t, w, " closure ", n->value);
        break;
    case REF_DEFAULT:
        text_add(t, " default argument");
        break;
    case REF_PART: {
        const struct type *type = type_of(w, n->object);
        text_add(t, " -> %s", type ? type->name : "object");
        break;
    }
    }
}

/* Steps of a way: a list that is linked is one step, many times. */
struct step {
    uint32_t node; /* the last of them */
    uint32_t times;
};

struct steps {
    struct step at[STEPS_MAX];
    size_t n, elided; /* so many are left out in the middle */
};

static bool is_same_step(const struct path_nodes *nodes, uint32_t a, uint32_t b)
{
    const struct path_node *x = &nodes->at[a], *y = &nodes->at[b];
    return x->kind == y->kind && x->value == y->value && x->value && x->kind != REF_INDEX;
}

/* The way from `from`, without it, to the node; PATH_NONE: from the root on. */
static struct steps collect(const struct path_nodes *nodes, uint32_t node, uint32_t from)
{
    struct steps out = {.n = 0};
    VEC(struct step) way = {0}; /* the last one first */
    for (; node != PATH_NONE && node != from; node = nodes->at[node].parent) {
        if (way.n && is_same_step(nodes, vec_last(&way)->node, node))
            vec_last(&way)->times++;
        else
            vec_push(&way, ((struct step){node, 1}));
    }
    out.n = way.n < STEPS_MAX ? way.n : STEPS_MAX;
    out.elided = way.n - out.n;
    for (size_t i = 0; i < out.n; i++)
        out.at[i] = way.at[way.n - 1 - i - (i < STEPS_MAX / 2 ? 0 : out.elided)];
    vec_free(&way);
    return out;
}

static void add_times(struct text *t, const struct step *step)
{
    char figure[FIGURE_MAX];
    if (step->times > 1)
        text_add(t, " x%s", figure_count(figure, step->times));
}

static size_t add_root(struct text *t, const struct path_words *w, const struct steps *way)
{
    const struct path_node *root = &w->nodes->at[way->at[0].node];
    const struct path_node *next = way->n > 1 ? &w->nodes->at[way->at[1].node] : NULL;
    if (root->kind != PATH_FRAME && root->kind != REF_ROOT) { /* a way that is too long */
        text_add(t, "...");
        return 0;
    }
    if (root->kind == PATH_FRAME) {
        uint64_t name = 0;
        const struct field f =
            w->layout->code_qualname.size ? w->layout->code_qualname : w->layout->code_name;
        peek_word(w->peek, root->object + f.at, &name);
        if (next && next->kind == REF_LOCAL)
            add_name(t, w, "local ", next->value);
        else
            text_add(t, "a local");
        add_name(t, w, " of ", name);
        text_add(t, "()");
        return next ? 2 : 1;
    }
    if (next && next->kind == REF_GLOBAL) {
        const struct type *meta = type_of(w, next->object);
        uint32_t class =
            meta && meta->kind == KIND_TYPE ? types_find(w->types, next->object) : MAP_NONE;
        if (class != MAP_NONE && w->types->list.at[class].flags & TYPE_HEAP &&
            strchr(w->types->list.at[class].name, '.')) {
            text_add(t, "module %s", w->types->list.at[class].name);
            return 2;
        }
    }
    add_step(t, w, root);
    return 1;
}

void path_add(struct text *t, const struct path_words *w, uint32_t node)
{
    struct steps way = collect(w->nodes, node, PATH_NONE);
    for (size_t i = way.n ? add_root(t, w, &way) : 0; i < way.n; i++) {
        if (way.elided && i == STEPS_MAX / 2)
            text_add(t, " ... (%zu steps) ...", way.elided);
        add_step(t, w, &w->nodes->at[way.at[i].node]);
        add_times(t, &way.at[i]);
    }
}

uint64_t path_add_object(struct text *t, const struct path_words *w, uint64_t object)
{
    const struct type *type = type_of(w, object);
    char figure[FIGURE_MAX];
    uint64_t length = 0;
    if (!type)
        return 0;
    const char *items = "items";
    switch (type->kind) {
    case KIND_DICT:
        items = "entries";
        peek_word(w->peek, object + 16, &length);
        break;
    case KIND_LIST:
    case KIND_TUPLE:
    case KIND_DEQUE:
        peek_word(w->peek, object + 16, &length);
        break;
    case KIND_BYTEARRAY:
        items = "bytes";
        peek_word(w->peek, object + 16, &length);
        break;
    case KIND_SET:
        peek_word(w->peek, object + 24, &length);
        break;
    default:
        text_add(t, " (%s)", type->name);
        return 0;
    }
    text_add(t, " (%s, %s %s)", type->name, figure_count(figure, length), items);
    return length;
}

void path_add_rest(struct text *t, const struct path_words *w, const struct path_node *found,
                   uint32_t from)
{
    struct steps way = collect(w->nodes, found->parent, from);
    /* Items of the first stand for all others, so which it is is not told. */
    for (size_t i = 0; i < way.n; i++) {
        const struct path_node *node = &w->nodes->at[way.at[i].node];
        const struct type *type = type_of(w, node->object);
        if (way.elided && i == STEPS_MAX / 2)
            text_add(t, " ... (%zu steps) ...", way.elided);
        if (node->kind == REF_INSTANCE || node->kind == REF_MEMBER || node->kind == REF_LOCAL)
            add_step(t, w, node);
        add_times(t, &way.at[i]);
        text_add(t, " -> %s", type ? type->name : "object");
    }
    const struct type *type = type_of(w, found->object);
    if (found->kind == REF_INSTANCE || found->kind == REF_MEMBER || found->kind == REF_CLOSURE ||
        found->kind == REF_LOCAL)
        add_step(t, w, found);
    text_add(t, " -> %s", type ? type->name : "object");
}
