/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Following the chain of frames. From 3.11 on most of them lie in chunks of a data stack (16 KiB
 * each, bigger for a huge frame), those of generators in the heap, the interpreter's own entry
 * frames on the C stack (3.12); before 3.11 each frame is an object of its own.
 *
 * A thread that runs unstopped can move while it is copied. The frame pointer is read before and
 * after everything else: unequal means torn. That it came back to the same frame meanwhile cannot
 * be seen, which is why running threads are stopped for the copy.
 */
#include "python/stack.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "python/object.h"

#define ARENA_BYTES        (10u << 20) /* address space: pages are used as stacks need them */
#define CHUNK_BYTES        16384u      /* DATA_STACK_CHUNK_SIZE (Python/pystate.c) */
#define CHUNK_MAX_BYTES    (1u << 20)
#define CHUNKS_MAX         512
#define CHUNK_SPARE_BYTES  512u /* for a call or two more than last time */
#define AHEAD_SPARE        32   /* frames not met last time that are kept: they alternate */
#define STATE_MAX_BYTES    4096
#define PAGE_BYTES         4096u
#define FRAME_REACH_BYTES  2048u /* how far a frame looks for the one that it has called */
#define CALLS_AHEAD_MAX    16
#define MOMENT_BYTES       256u /* a small frame with what it computes on */
#define MOMENT_NS          (15 * NS_PER_US)
#define MOMENT_NS_PER_PAGE (1 * NS_PER_US)
/* The frame's address before, the state, the address after, the flags. */
#define EXTRA_SPANS (3 + THREAD_FLAG_SPANS + HANDLED_ITEMS_MAX)

static uint32_t max_u32(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

void stack_init(struct stack *s, const struct layout *l)
{
    const struct field fields[] = {l->frame_code,   l->frame_previous, l->frame_instr,
                                   l->frame_owner,  l->frame_local0,   l->frame_entry,
                                   l->frame_running};
    uint32_t from = UINT32_MAX, to = 0;
    *s = (struct stack){0};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (!fields[i].size)
            continue;
        from = fields[i].at < from ? fields[i].at : from;
        to = max_u32(to, field_end(fields[i]));
    }
    s->frame_at = from;
    s->frame_bytes = to - from;
    s->state_bytes = max_u32(max_u32(field_end(l->ts_frame), field_end(l->ts_chunk)),
                             max_u32(field_end(l->ts_interp), field_end(l->ts_thread_id)));
    s->state_bytes =
        max_u32(max_u32(s->state_bytes, field_end(l->ts_exc_value)), field_end(l->ts_gil_wanted));
    if (l->ts_exc_info.size)
        s->state_bytes = max_u32(max_u32(s->state_bytes, field_end(l->ts_exc_info)),
                                 l->ts_exc_state + HANDLED_ITEM_BYTES);
    s->frames = xmalloc(STACK_FRAMES_MAX * sizeof *s->frames);
    s->loose = xmalloc(STACK_FRAMES_MAX * sizeof *s->loose);
    s->chunks = xmalloc(CHUNKS_MAX * sizeof *s->chunks);
    s->arena = xmalloc(ARENA_BYTES);
    s->spans_cap = 256;
    s->spans = xmalloc(s->spans_cap * sizeof *s->spans);
}

void stack_clear(struct stack *s)
{
    free(s->frames);
    free(s->loose);
    free(s->chunks);
    free(s->arena);
    free(s->spans);
    *s = (struct stack){0};
}

/* A copy in progress. */
struct copy {
    struct stack *s;
    const struct layout *l;
    pid_t pid;
    struct track *track;
    size_t n_spans;
    size_t known_chunks, first_chunk_span; /* read ahead */
    size_t known_groups, first_group_span, groups_at;
    bool moving;       /* the thread runs on */
    size_t earlier_at; /* if it does: where the groups' first copies begin */
    uint64_t state;
    uint64_t chunk;      /* the newest of the thread */
    uint64_t next_chunk; /* of the chain, not read yet; 0: all are */
    size_t last_chunk;   /* where the last frame was found */
    size_t expect;       /* the next frame of the list that was read ahead */
};

static uint8_t *arena_take(struct stack *s, size_t size)
{
    if (size > ARENA_BYTES - s->arena_used)
        return NULL;
    uint8_t *at = s->arena + s->arena_used;
    s->arena_used += (size + 7) & ~(size_t)7;
    return at;
}

static struct remote_span *add_span(struct copy *c, uint64_t address, void *to, size_t size)
{
    if (c->n_spans == c->s->spans_cap)
        return NULL;
    struct remote_span *span = &c->s->spans[c->n_spans++];
    *span = (struct remote_span){address, to, size, false};
    return span;
}

static void add_known_chunks(struct copy *c)
{
    c->first_chunk_span = c->n_spans;
    for (size_t i = 0; i < c->track->chunks.n && i < CHUNKS_MAX; i++) {
        struct chunk *chunk = &c->track->chunks.at[i];
        uint8_t *to = arena_take(c->s, chunk->size_bytes);
        /* Whole pages: these are what costs. */
        uint64_t end = chunk->address + chunk->used_bytes + CHUNK_SPARE_BYTES;
        end = (end + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);
        uint64_t size = end - chunk->address;
        chunk->copied_bytes = size < chunk->size_bytes ? (uint32_t)size : chunk->size_bytes;
        if (!to || !add_span(c, chunk->address, to, chunk->copied_bytes))
            break;
        chunk->arena_at = (uint32_t)(to - c->s->arena);
        c->known_chunks++;
    }
}

/* Number of groups added. */
static size_t add_known_frames(struct copy *c, size_t *first_span, size_t *at)
{
    size_t n = 0;
    *first_span = c->n_spans;
    *at = c->s->arena_used;
    for (; n < c->track->groups.n; n++) {
        const struct ahead_group *group = &c->track->groups.at[n];
        uint8_t *to = arena_take(c->s, group->size_bytes);
        if (!to || !add_span(c, group->address, to, group->size_bytes))
            break;
    }
    return n;
}

/* The chunk at this address into the copy's list: from what was read ahead, or read now. */
static bool take_chunk(struct copy *c, uint64_t address)
{
    struct stack *s = c->s;
    struct chunk chunk = {.address = address};
    uint8_t *to = NULL;
    if (s->n_chunks >= CHUNKS_MAX)
        return false;
    for (size_t i = 0; i < c->known_chunks && !to; i++) {
        const struct chunk *known = &c->track->chunks.at[i];
        if (known->address == address && s->spans[c->first_chunk_span + i].ok) {
            chunk = *known;
            to = s->arena + known->arena_at;
        }
    }
    uint64_t header[CHUNK_HEADER_BYTES / 8];
    if (!to) {
        s->misses++;
        if (!object_plausible(address) || !remote_read(c->pid, address, header, sizeof header) ||
            header[1] < CHUNK_HEADER_BYTES || header[1] > CHUNK_MAX_BYTES)
            return false;
        chunk.size_bytes = (uint32_t)header[1];
        to = arena_take(s, chunk.size_bytes);
        if (!to || !remote_read(c->pid, address, to, chunk.size_bytes))
            return false;
        chunk.arena_at = (uint32_t)(to - s->arena);
        chunk.copied_bytes = chunk.size_bytes;
    }
    chunk.used_bytes = 0;
    memcpy(header, to, sizeof header);
    if (header[1] != chunk.size_bytes)
        return false;
    chunk.previous = header[0];
    s->chunks[s->n_chunks++] = chunk;
    c->next_chunk = chunk.previous;
    return true;
}

/* The frame's bytes if it lies in this chunk, of which the rest is read if need be. */
static const uint8_t *in_chunk(struct copy *c, size_t i, uint64_t frame)
{
    struct stack *s = c->s;
    struct chunk *chunk = &s->chunks[i];
    uint32_t end = s->frame_at + s->frame_bytes;
    if (frame < chunk->address + CHUNK_HEADER_BYTES || chunk->size_bytes < end ||
        frame > chunk->address + chunk->size_bytes - end)
        return NULL;
    uint32_t at = (uint32_t)(frame - chunk->address), have = chunk->copied_bytes;
    uint8_t *copy = s->arena + chunk->arena_at;
    if (at + end > have) {
        s->misses++;
        if (!remote_read(c->pid, chunk->address + have, copy + have, chunk->size_bytes - have))
            return NULL;
        chunk->copied_bytes = chunk->size_bytes;
    }
    if (at + end > chunk->used_bytes)
        chunk->used_bytes = at + end;
    return copy + at + s->frame_at;
}

static const uint8_t *find_in_chunks(struct copy *c, uint64_t frame)
{
    struct stack *s = c->s;
    const uint8_t *bytes;
    if (c->last_chunk < s->n_chunks && (bytes = in_chunk(c, c->last_chunk, frame)))
        return bytes;
    for (size_t i = 0; i < s->n_chunks || c->next_chunk; i++) {
        /* The chain is read as far as frames lie in it. */
        if (i == s->n_chunks && !take_chunk(c, c->next_chunk)) {
            c->next_chunk = 0;
            return NULL;
        }
        if ((bytes = in_chunk(c, i, frame))) {
            c->last_chunk = i;
            return bytes;
        }
    }
    return NULL;
}

/* Whether both copies of a frame say who called it, and what it runs. */
static bool same_caller(const struct copy *c, size_t at)
{
    const struct stack *s = c->s;
    const struct field fields[] = {c->l->frame_previous, c->l->frame_code, c->l->frame_owner};
    const uint8_t *a = s->arena + c->earlier_at + at, *b = s->arena + c->groups_at + at;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        struct field f = fields[i];
        f.at -= s->frame_at;
        if (field_get(a, s->frame_bytes, f) != field_get(b, s->frame_bytes, f))
            return false;
    }
    return true;
}

static const uint8_t *find_ahead(struct copy *c, uint64_t frame)
{
    const struct track *track = c->track;
    uint32_t i = (uint32_t)c->expect;
    if (i >= track->ahead.n || track->ahead.at[i].address != frame)
        i = map_get(&track->ahead_at, frame);
    if (i >= track->ahead.n)
        return NULL;
    const struct ahead_frame *ahead = &track->ahead.at[i];
    if (ahead->group >= c->known_groups || !c->s->spans[c->first_group_span + ahead->group].ok)
        return NULL;
    if (c->moving && c->l->frame_owner.size && !same_caller(c, ahead->at))
        return NULL;
    c->expect = i + 1;
    c->s->ahead_used++;
    return c->s->arena + c->groups_at + ahead->at;
}

/* The bytes of a frame, from frame_at on. */
static const uint8_t *find_frame(struct copy *c, uint64_t frame)
{
    struct stack *s = c->s;
    const uint8_t *bytes = find_ahead(c, frame);
    if (!bytes && (bytes = find_in_chunks(c, frame)))
        return bytes;
    s->loose[s->n_loose++] = (struct loose_frame){frame, 0};
    if (bytes)
        return bytes;
    s->misses++;
    uint8_t *to = arena_take(s, s->frame_bytes);
    return to && remote_read(c->pid, frame + s->frame_at, to, s->frame_bytes) ? to : NULL;
}

static uint64_t frame_get(const struct stack *s, const uint8_t *bytes, struct field f)
{
    f.at -= s->frame_at;
    return field_get(bytes, s->frame_bytes, f);
}

/*
 * Whether the frame is the outermost of its C call of the evaluation loop. To 3.10 each frame has
 * such a call of its own; 3.11 marks the frame. From 3.12 on the call puts a frame of the
 * interpreter's below its first one, so that the next outer frame tells: see follow().
 */
static bool is_entry(const struct stack *s, const struct layout *l, const uint8_t *bytes)
{
    if (!l->frame_owner.size)
        return true;
    return l->frame_entry.size && frame_get(s, bytes, l->frame_entry);
}

static enum frame_doing doing(const struct stack *s, const struct layout *l, const uint8_t *bytes)
{
    uint64_t value = frame_get(s, bytes, l->frame_running);
    if (!l->frame_running.size)
        return FRAME_UNKNOWN;
    switch (l->running) {
    case RUNNING_FLAG: /* f_executing */
        return value == 1 ? FRAME_RUNS : FRAME_OVER;
    case RUNNING_STATE: /* PyFrameState: executing or unwinding */
        return value == 0 || value == 2 ? FRAME_RUNS : FRAME_OVER;
    case RUNNING_DEPTH: /* stacktop: -1 while the loop has it in a register */
        return (int32_t)value == -1 ? FRAME_RUNS : FRAME_CALLS;
    case RUNNING_POINTER: /* stackpointer: the same, but it is also kept while C is called */
        if (!(frame_get(s, bytes, l->frame_code) & ~REFERENCE_TAGS))
            return FRAME_OVER;
        return value ? FRAME_UNKNOWN : FRAME_RUNS;
    }
    return FRAME_UNKNOWN;
}

static bool follow(struct copy *c, uint64_t frame)
{
    struct stack *s = c->s;
    const struct layout *l = c->l;
    bool by_owner = l->frame_owner.size && !l->frame_entry.size;
    for (size_t met = 0; frame && met < STACK_FRAMES_MAX; met++) {
        const uint8_t *bytes = object_plausible(frame) ? find_frame(c, frame) : NULL;
        if (!bytes)
            return false;
        uint64_t code = frame_get(s, bytes, l->frame_code) & ~REFERENCE_TAGS;
        bool loose = s->n_loose && s->loose[s->n_loose - 1].address == frame;
        /* Plain calls have their frames in chunks: this was one of the loop's, on the C stack. */
        if (c->moving && loose && l->frame_owner.size &&
            frame_get(s, bytes, l->frame_owner) == OWNER_THREAD)
            return false;
        if (loose)
            s->loose[s->n_loose - 1].code = code;
        if (l->frame_owner.size && frame_get(s, bytes, l->frame_owner) >= OWNER_INTERPRETER) {
            if (by_owner && s->n)
                s->frames[s->n - 1].entry = true;
        } else {
            s->frames[s->n++] = (struct stack_frame){
                .address = frame,
                .code = code,
                .doing = doing(s, l, bytes),
                .instr = frame_get(s, bytes, l->frame_instr),
                .local0 = frame_get(s, bytes, l->frame_local0),
                .entry = is_entry(s, l, bytes),
            };
        }
        uint64_t previous = frame_get(s, bytes, l->frame_previous);
        if (previous == frame)
            return false;
        /* A generator that is being left is unlinked before the thread state says so. From 3.11
         * on somebody is below a generator that runs, if only the interpreter. */
        if (!previous && l->minor >= 11 && frame_get(s, bytes, l->frame_owner) == OWNER_GENERATOR)
            return false;
        frame = previous;
    }
    if (by_owner && s->n && !frame)
        s->frames[s->n - 1].entry = true;
    return true;
}

/* Reads the current frame's address anew: the same as *frame, or it is taken over (*frame 0
 * stands for not read yet). */
static bool current_frame(struct copy *c, uint64_t state, uint64_t cframe, uint64_t *frame)
{
    uint64_t now, holder = c->l->cframe_frame.size ? cframe + c->l->cframe_frame.at
                                                   : state + c->l->ts_frame.at;
    return remote_read(c->pid, holder, &now, sizeof now) && (*frame = now, true);
}

/* What the vectored read has brought, apart from chunks and frames. */
struct heads {
    uint8_t state[STATE_MAX_BYTES];
    uint64_t before, after; /* the current frame; with a cframe, what that pointed to */
    struct thread_flags flags;
    bool has_flags;
    struct handled_copy handled;
};

/* Adds the flags to the vectored read; the number of their first span. */
static size_t add_flags(struct copy *c, const struct threads *t, uint32_t interp, struct heads *h)
{
    struct remote_span spans[THREAD_FLAG_SPANS];
    size_t n = threads_flag_spans(t, interp, &h->flags, spans), first = c->n_spans;
    for (size_t i = 0; i < n; i++)
        add_span(c, spans[i].addr, spans[i].to, spans[i].size);
    return first;
}

static bool read_all(struct copy *c, const struct threads *t, struct thread *th, struct heads *h)
{
    const struct layout *l = c->l;
    bool by_cframe = l->cframe_frame.size;
    uint64_t holder =
        by_cframe ? th->track.cframe + l->cframe_frame.at : th->state + l->ts_frame.at;
    bool known = !by_cframe || th->track.cframe;
    struct remote_span *before = known ? add_span(c, holder, &h->before, 8) : NULL;
    /* Frames elsewhere are not copied at the moment of the chunks, but before and after it. */
    bool twice = c->moving && l->frame_owner.size;
    size_t earlier = 0, earlier_span;
    if (twice)
        earlier = add_known_frames(c, &earlier_span, &c->earlier_at);
    add_known_chunks(c);
    c->known_groups = add_known_frames(c, &c->first_group_span, &c->groups_at);
    if (twice && earlier != c->known_groups)
        return false;
    struct remote_span *state = add_span(c, th->state, h->state, c->s->state_bytes);
    struct remote_span *after = by_cframe && known ? add_span(c, holder, &h->after, 8) : state;
    size_t flags_at = add_flags(c, t, th->interp, h);
    h->handled.first_span = c->n_spans;
    for (size_t i = 0; i < c->track->handled.n; i++)
        add_span(c, c->track->handled.item[i], h->handled.bytes[i], HANDLED_ITEM_BYTES);
    if (!state || (known && !after) || c->n_spans < h->handled.first_span + c->track->handled.n)
        return false;
    struct remote_span *beside = c->s->beside, *read_beside = NULL;
    if (beside)
        read_beside = add_span(c, beside->addr, beside->to, beside->size);
    remote_read_spans(c->pid, c->s->spans, c->n_spans);
    if (beside)
        beside->ok = read_beside && read_beside->ok;
    h->has_flags = flags_at < h->handled.first_span;
    for (size_t i = flags_at; i < h->handled.first_span; i++)
        h->has_flags &= c->s->spans[i].ok;
    if (!state->ok)
        return false;
    if (by_cframe) {
        c->s->cframe = field_get(h->state, c->s->state_bytes, l->ts_frame);
        if (!c->s->cframe) {
            h->before = h->after = 0;
            return true;
        }
        /* Another cframe than last time: the frames below it are found all the same. */
        if (!known || c->s->cframe != th->track.cframe || !before->ok || !after->ok)
            return object_plausible(c->s->cframe) &&
                   current_frame(c, th->state, c->s->cframe, &h->before) &&
                   (h->after = h->before, c->s->misses++, true);
        return true;
    }
    h->after = field_get(h->state, c->s->state_bytes, l->ts_frame);
    return before->ok;
}

/* What the thread's state says apart from its frames. */
static void take_flags(const struct copy *c, const struct threads *t, struct thread *th,
                       const struct heads *h)
{
    const struct stack *s = c->s;
    const struct layout *l = c->l;
    uint64_t gc_frame = t->interps.at[th->interp].gc_frame;
    th->handles = handled_find(l, c->pid, t->runtime->none, th->state, h->state, s->state_bytes,
                               &h->handled, s->spans + h->handled.first_span, &th->track.handled);
    th->wants_gil = field_get(h->state, s->state_bytes, l->ts_gil_wanted) != 0;
    th->collects = false;
    for (size_t i = 0; gc_frame && i < s->n && !th->collects; i++)
        th->collects = s->frames[i].address == gc_frame;
}

bool stack_copy(struct stack *s, struct threads *t, struct thread *th)
{
    const struct layout *l = &t->runtime->layout;
    struct copy c = {.s = s, .l = l, .pid = t->pid, .track = &th->track};
    struct heads h;
    s->n = s->arena_used = s->n_loose = s->n_chunks = s->misses = s->ahead_used = 0;
    s->cframe = 0;
    s->interrupted = false;
    if (s->state_bytes > STATE_MAX_BYTES || !read_all(&c, t, th, &h))
        return false;
    /* It is still the state of this thread. */
    if (field_get(h.state, s->state_bytes, l->ts_interp) != th->interp_address ||
        field_get(h.state, s->state_bytes, l->ts_thread_id) != th->pthread || h.before != h.after)
        return false;
    if (h.has_flags)
        threads_take_flags(t, th->interp, &h.flags);
    c.next_chunk = field_get(h.state, s->state_bytes, l->ts_chunk);
    if (!follow(&c, h.before))
        return false;
    take_flags(&c, t, th, &h);
    uint64_t again = h.before;
    if (s->misses && h.before && !current_frame(&c, th->state, s->cframe, &again))
        return false;
    return again == h.before;
}

/* Follows the chain from another frame than before, within the same copy. */
static bool follow_from(struct copy *c, uint64_t frame)
{
    struct stack *s = c->s;
    s->n = s->n_loose = s->n_chunks = s->ahead_used = 0;
    c->expect = c->last_chunk = 0;
    c->next_chunk = c->chunk;
    return follow(c, frame);
}

/* A frame behind this one in its chunk that leads back to it, or 0. */
static uint64_t frame_behind(const struct copy *c, uint64_t frame)
{
    const struct stack *s = c->s;
    const struct layout *l = c->l;
    for (size_t i = 0; i < s->n_chunks; i++) {
        const struct chunk *chunk = &s->chunks[i];
        uint64_t at = frame - chunk->address + l->frame_previous.at + 8;
        uint64_t end = at + FRAME_REACH_BYTES;
        if (frame < chunk->address || frame >= chunk->address + chunk->size_bytes)
            continue;
        if (end > chunk->copied_bytes)
            end = chunk->copied_bytes;
        for (; at + 8 <= end; at += 8)
            if (!memcmp(s->arena + chunk->arena_at + at, &frame, sizeof frame))
                return chunk->address + at - l->frame_previous.at;
    }
    return 0;
}

/* Drops what had been popped when its caller was copied. */
static void drop_popped(struct stack *s)
{
    for (size_t i = s->n; i-- > 0;) {
        bool over = s->frames[i].doing == FRAME_OVER;
        if (!over && (s->frames[i].doing != FRAME_RUNS || !i || s->frames[i - 1].entry))
            continue;
        i += over;
        s->n -= i;
        memmove(s->frames, s->frames + i, s->n * sizeof *s->frames);
        return;
    }
}

/*
 * From 3.11 on. The frames that one loop runs lie side by side in a chunk, which is copied within
 * some 10 ns a frame, callers first: that is the moment that the copy shows, whatever the current
 * frame was a microsecond before or after. So the chain from `from` is cut where a frame runs
 * itself, though another was above it, and made longer where its innermost waits for one.
 *
 * To 3.13 a frame that waits cannot be told from one that is being pushed or popped, above which
 * the bytes are those of older calls; but only a frame that is live ever shows that it runs, so the
 * innermost has to. From 3.14 on a popped frame has no code.
 */
static bool chain_of_moment(struct copy *c, uint64_t from)
{
    struct stack *s = c->s;
    bool must_run = c->l->running == RUNNING_DEPTH;
    for (int longer = 0; from && longer < CALLS_AHEAD_MAX; longer++) {
        if (!follow_from(c, from))
            return false;
        uint64_t top = s->n ? s->frames[0].address : 0;
        drop_popped(s);
        if (!s->n)
            return false;
        if (s->frames[0].doing == FRAME_RUNS)
            return true;
        if (s->frames[0].address != top)
            return !must_run;
        from = frame_behind(c, top);
    }
    return !from && !must_run;
}

/*
 * To 3.10. Frames are objects that say whether they are being run, and mostly each function has one
 * of its own that it keeps: of all that were met lately, the innermost is the one that runs and
 * that no other which runs leads back to. 0: none, or not one alone.
 */
static uint64_t innermost_running(struct copy *c)
{
    struct track *track = c->track;
    const struct layout *l = c->l;
    uint64_t found = 0;
    size_t n = 0;
    for (size_t i = 0; i < track->ahead.n; i++)
        track->ahead.at[i].calls = false;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < track->ahead.n; i++) {
            struct ahead_frame *a = &track->ahead.at[i];
            if (a->group >= c->known_groups || !c->s->spans[c->first_group_span + a->group].ok)
                continue;
            const uint8_t *bytes = c->s->arena + c->groups_at + a->at;
            if (doing(c->s, l, bytes) != FRAME_RUNS ||
                frame_get(c->s, bytes, l->frame_code) != a->code)
                continue;
            if (pass == 0) {
                uint32_t back =
                    map_get(&track->ahead_at, frame_get(c->s, bytes, l->frame_previous));
                if (back < track->ahead.n)
                    track->ahead.at[back].calls = true;
            } else if (!a->calls) {
                found = a->address;
                n++;
            }
        }
    return n == 1 ? found : 0;
}

static bool all_run(const struct stack *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->frames[i].doing == FRAME_OVER)
            return false;
    return true;
}

static bool settle(struct copy *c, const struct heads *h)
{
    struct stack *s = c->s;
    if (!h->before || !h->after) {
        /* A loop that is being entered has no frame yet; the state's own cframe never gets one. */
        bool entered = c->l->cframe_frame.size && s->cframe - c->state > STATE_MAX_BYTES;
        return follow_from(c, 0) && h->before == h->after && (!s->cframe || !entered);
    }
    if (!c->l->frame_owner.size) {
        uint64_t leaf = innermost_running(c);
        /* Both readings lead to frames that are known, or these are read for the next try. */
        if (map_get(&c->track->ahead_at, h->before) == MAP_NONE) {
            follow_from(c, h->before);
            return false;
        }
        if (map_get(&c->track->ahead_at, h->after) == MAP_NONE || !leaf) {
            follow_from(c, h->after);
            return false;
        }
        return follow_from(c, leaf) && all_run(s);
    }
    if (h->before == h->after)
        return chain_of_moment(c, h->after);
    if (!chain_of_moment(c, h->before))
        return false;
    uint64_t top = s->n ? s->frames[0].address : 0;
    size_t n = s->n;
    return chain_of_moment(c, h->after) && s->n == n && (!n || s->frames[0].address == top);
}

/* What was just copied is the same as at the last try, the innermost instruction too: the thread
 * has no CPU, or is busy in C, and the plain chain is right though it is at a place between two
 * frames. */
static bool stands_still(struct copy *c, const struct heads *h)
{
    struct stack *s = c->s;
    uint64_t hash = hash_u64(h->before);
    if (h->before != h->after || !h->before || !follow_from(c, h->before) || s->misses || !s->n)
        return false;
    for (size_t i = 0; i < s->n; i++) {
        const struct stack_frame *f = &s->frames[i];
        hash = hash_mix(hash_mix(hash_mix(hash, f->address), f->code), f->instr * 4 + f->doing);
    }
    bool same = s->last_try == hash;
    s->last_try = hash;
    return same;
}

bool stack_copy_moving(struct stack *s, struct threads *t, struct thread *th)
{
    const struct layout *l = &t->runtime->layout;
    struct copy c = {
        .s = s, .l = l, .pid = t->pid, .track = &th->track, .state = th->state, .moving = true};
    struct heads h;
    s->n = s->arena_used = s->n_loose = s->n_chunks = s->misses = s->ahead_used = 0;
    s->cframe = 0;
    s->interrupted = false;
    uint64_t begin_ns = clock_mono_ns();
    if (s->state_bytes > STATE_MAX_BYTES || !read_all(&c, t, th, &h))
        return false;
    /* Had we lost the CPU in the middle, the halves would be of two moments. */
    uint64_t moment_ns = MOMENT_NS + s->arena_used * MOMENT_NS_PER_PAGE / PAGE_BYTES;
    s->interrupted = clock_mono_ns() - begin_ns > moment_ns;
    if (s->interrupted)
        return false;
    if (field_get(h.state, s->state_bytes, l->ts_interp) != th->interp_address ||
        field_get(h.state, s->state_bytes, l->ts_thread_id) != th->pthread)
        return false;
    if (h.has_flags)
        threads_take_flags(t, th->interp, &h.flags);
    c.chunk = field_get(h.state, s->state_bytes, l->ts_chunk);
    if ((!settle(&c, &h) || s->misses) && (s->misses || !stands_still(&c, &h)))
        return false;
    /* All of the chain was just being left, or entered. */
    if (!s->n && (h.after || th->track.chunks.n || th->track.ahead.n))
        return false;
    take_flags(&c, t, th, &h);
    return true;
}

uint64_t stack_moment(const struct stack *s)
{
    if (!s->n)
        return 0;
    uint64_t frame = s->frames[0].address, hash = hash_mix(frame, s->frames[0].instr);
    for (size_t i = 0; i < s->n_chunks; i++) {
        const struct chunk *chunk = &s->chunks[i];
        uint64_t at = frame - chunk->address, end = at + MOMENT_BYTES;
        if (frame < chunk->address || at >= chunk->copied_bytes)
            continue;
        for (; at + 8 <= end && at + 8 <= chunk->copied_bytes; at += 8) {
            uint64_t word;
            memcpy(&word, s->arena + chunk->arena_at + at, sizeof word);
            hash = hash_mix(hash, word);
        }
        break;
    }
    return hash;
}

static int by_address(const void *a, const void *b)
{
    uint64_t x = (*(struct ahead_frame *const *)a)->address;
    uint64_t y = (*(struct ahead_frame *const *)b)->address;
    return (x > y) - (x < y);
}

/* Puts frames that are near each other into one group. A group has no page in it that no frame of
 * it lies in, so that it can be read if they can. */
static void group_frames(const struct stack *s, struct track *track)
{
    size_t n = track->ahead.n;
    struct ahead_frame **sorted = xmalloc((n + 1) * sizeof(struct ahead_frame *));
    for (size_t i = 0; i < n; i++)
        sorted[i] = &track->ahead.at[i];
    qsort(sorted, n, sizeof(struct ahead_frame *), by_address);
    vec_clear(&track->groups);
    uint32_t used = 0; /* bytes of the groups before the last */
    for (size_t i = 0; i < n; i++) {
        uint64_t from = sorted[i]->address + s->frame_at, to = from + s->frame_bytes;
        struct ahead_group *last = track->groups.n ? vec_last(&track->groups) : NULL;
        uint64_t end = last ? last->address + last->size_bytes : 0;
        if (!last || from / PAGE_BYTES > (end - 1) / PAGE_BYTES + 1) {
            used += last ? (last->size_bytes + 7) & ~7u : 0;
            last = vec_add(&track->groups);
            *last = (struct ahead_group){from, s->frame_bytes};
        } else if (to > end) {
            last->size_bytes = (uint32_t)(to - last->address);
        }
        sorted[i]->group = (uint32_t)track->groups.n - 1;
        sorted[i]->at = used + (uint32_t)(from - last->address);
    }
    free(sorted);
}

/* First what was met now, in order, then some of what was met before. */
static void learn_frames(struct stack *s, struct track *track)
{
    struct map met = {0};
    for (size_t i = 0; i < s->n_loose; i++)
        map_set(&met, s->loose[i].address, (uint32_t)i);
    size_t n = s->n_loose;
    for (size_t i = 0; i < track->ahead.n && n < s->n_loose + AHEAD_SPARE && n < STACK_FRAMES_MAX;
         i++) {
        uint64_t address = track->ahead.at[i].address;
        if (map_get(&met, address) != MAP_NONE)
            continue;
        map_set(&met, address, (uint32_t)n);
        s->loose[n++] = (struct loose_frame){address, track->ahead.at[i].code};
    }
    vec_clear(&track->ahead);
    for (size_t i = 0; i < n; i++)
        vec_push(&track->ahead,
                 ((struct ahead_frame){.address = s->loose[i].address, .code = s->loose[i].code}));
    map_free(&track->ahead_at);
    track->ahead_at = met;
    group_frames(s, track);
}

void stack_learn(struct stack *s, const struct layout *l, struct thread *th)
{
    struct track *track = &th->track;
    if (s->interrupted)
        return;
    /* A chunk that becomes less full is followed slowly: the thread may come back to its depth. */
    for (size_t i = 0; i < s->n_chunks && i < track->chunks.n; i++) {
        uint32_t before = track->chunks.at[i].used_bytes, slowly = before - before / 16;
        if (s->chunks[i].address == track->chunks.at[i].address && s->chunks[i].used_bytes < slowly)
            s->chunks[i].used_bytes = slowly;
    }
    vec_clear(&track->chunks);
    vec_append(&track->chunks, s->chunks, s->n_chunks);
    if (l->cframe_frame.size)
        track->cframe = s->cframe;
    bool stale = track->ahead.n > s->n_loose + AHEAD_SPARE;
    if (s->n_loose != s->ahead_used || stale)
        learn_frames(s, track);
    size_t spans = 2 * track->groups.n + track->chunks.n + EXTRA_SPANS;
    if (spans > s->spans_cap) {
        s->spans_cap = spans;
        s->spans = xrealloc(s->spans, spans * sizeof *s->spans);
    }
}
