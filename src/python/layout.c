/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rows. Each value is offsetof() over that version's own headers (Py_BUILD_CORE, x86-64), and
 * is checked against live processes by tests/unit/python_live.c; the comment at the end of a line
 * names the header or source file that declares the struct.
 *
 * A new version is one row more, and from 3.13 one column of slots in published[].
 */
#include "python/layout.h"

#include <string.h>

#define AT8(offset)                                                                                \
    {                                                                                              \
        (offset), 8                                                                                \
    }
#define AT4(offset)                                                                                \
    {                                                                                              \
        (offset), 4                                                                                \
    }
#define AT1(offset)                                                                                \
    {                                                                                              \
        (offset), 1                                                                                \
    }

const struct field object_type = AT8(8), object_size = AT8(16), type_name = AT8(24),
                   type_dict = AT8(264), type_mro = AT8(344), dict_keys = AT8(32);

/* PyASCIIObject and PyCompactUnicodeObject: 3.12 dropped the wchar_t pointer and its length. */
/* clang-format off */
#define UNICODE_TO_311 {.length_at = 16, .state_at = 32, .ascii_data_at = 48, \
                        .compact_data_at = 72, .kind_shift = 2}
#define UNICODE_312    {.length_at = 16, .state_at = 32, .ascii_data_at = 40, \
                        .compact_data_at = 56, .kind_shift = 2}

/* From 3.13 the offsets come from the process (published[], below): here are the widths, and what
 * the headers fix: ob_type and ob_size of an object. */
#define PUBLISHED_ROW(n) \
    { \
        .minor = (n), .interp_modules = AT8(0), .type_cached_keys = 880, \
        .ts_exc_info = AT8(120), .exc_value = AT8(0), .exc_previous = AT8(8), \
        .rt_interpreters = AT8(0), \
        .interp_next = AT8(0), .interp_threads = AT8(0), .interp_collecting = AT4(0), \
        .interp_gil = AT8(0), .gil_holder = AT8(8), .gil_locked = AT4(16), \
        .ts_next = AT8(0), .ts_interp = AT8(0), .ts_frame = AT8(0), .ts_thread_id = AT8(0), \
        .ts_native_id = AT8(0), .ts_chunk = AT8(0), \
        .frame_code = AT8(0), .frame_previous = AT8(0), .frame_instr = AT8(0), \
        .frame_owner = AT1(0), \
        .code_type = AT8(8), .code_size = AT8(16), .code_first_line = AT4(0), \
        .code_filename = AT8(0), .code_name = AT8(0), .code_qualname = AT8(0), \
        .code_lines = AT8(0), \
        .line_format = LINES_LOCATIONS, \
        .unicode = UNICODE_312, \
    }

static const struct layout layouts[] = {
    {
        /* There is no _PyRuntime: see runtime.c. The GIL is _PyThreadState_Current. */
        .minor = 6, .interp_modules = AT8(16), .ts_exc_value = AT8(112),
        .gil_holder = AT8(0),
        .interp_next = AT8(0), .interp_threads = AT8(8),          /* pystate.h */
        .ts_next = AT8(8), .ts_interp = AT8(16), .ts_frame = AT8(24),
        .ts_thread_id = AT8(152),                                 /* pystate.h */
        .frame_previous = AT8(24), .frame_code = AT8(32),
        .frame_instr = AT4(120), .frame_running = AT1(132), .frame_locals_at = 376, .frame_local0 = AT8(376),         /* frameobject.h */
        .code_type = AT8(8), .code_argcount = AT4(16), .code_nlocals = AT4(24),
        .code_first_line = AT4(36), .code_varnames = AT8(64), .code_cellvars = AT8(80),
        .code_cell2arg = AT8(88), .cell2arg_bytes = 1, .code_filename = AT8(96),
        .code_name = AT8(104), .code_lines = AT8(112),            /* code.h */
        .instr_unit = 1, .line_format = LINES_LNOTAB,
        .unicode = UNICODE_TO_311,                                /* unicodeobject.h */
        .bytes_size_at = 16, .bytes_data_at = 32,                 /* bytesobject.h */
        .func_code = AT8(16), .func_qualname = AT8(104),          /* funcobject.h */
        .wrapped = AT8(16),                                       /* funcobject.c, descrobject.c */
    },
    {
        .minor = 7, .interp_modules = AT8(40),
        .ts_exc_info = AT8(144), .ts_exc_state = 112, .exc_value = AT8(8), .exc_previous = AT8(24),
        .rt_initialized = AT4(0), .rt_interpreters = AT8(24),     /* internal/pystate.h */
        .rt_collecting = AT4(632),                                /* internal/mem.h */
        .rt_gil = AT8(1264), .gil_holder = AT8(8), .gil_locked = AT4(16), /* internal/gil.h */
        .interp_next = AT8(0), .interp_threads = AT8(8),          /* internal/pystate.h */
        .ts_next = AT8(8), .ts_interp = AT8(16), .ts_frame = AT8(24),
        .ts_thread_id = AT8(176),                                 /* pystate.h */
        .frame_previous = AT8(24), .frame_code = AT8(32),
        .frame_instr = AT4(104), .frame_running = AT1(116), .frame_locals_at = 360, .frame_local0 = AT8(360),         /* frameobject.h */
        .code_type = AT8(8), .code_argcount = AT4(16), .code_nlocals = AT4(24),
        .code_first_line = AT4(36), .code_varnames = AT8(64), .code_cellvars = AT8(80),
        .code_cell2arg = AT8(88), .cell2arg_bytes = 8, .code_filename = AT8(96),
        .code_name = AT8(104), .code_lines = AT8(112),            /* code.h */
        .instr_unit = 1, .line_format = LINES_LNOTAB,
        .unicode = UNICODE_TO_311,                                /* unicodeobject.h */
        .bytes_size_at = 16, .bytes_data_at = 32,                 /* bytesobject.h */
        .func_code = AT8(16), .func_qualname = AT8(104),          /* funcobject.h */
        .wrapped = AT8(16),                                       /* funcobject.c, descrobject.c */
    },
    {
        .minor = 8, .interp_modules = AT8(56),
        .ts_exc_info = AT8(144), .ts_exc_state = 112, .exc_value = AT8(8), .exc_previous = AT8(24),
        .rt_initialized = AT4(12), .rt_interpreters = AT8(32),    /* pycore_pystate.h */
        .rt_collecting = AT4(544),                                /* pycore_pymem.h */
        .rt_gil = AT8(1152), .gil_holder = AT8(8), .gil_locked = AT4(16), /* pycore_gil.h */
        .interp_next = AT8(0), .interp_threads = AT8(8),          /* pycore_pystate.h */
        .ts_next = AT8(8), .ts_interp = AT8(16), .ts_frame = AT8(24),
        .ts_thread_id = AT8(176),                                 /* cpython/pystate.h */
        .frame_previous = AT8(24), .frame_code = AT8(32),
        .frame_instr = AT4(104), .frame_running = AT1(116), .frame_locals_at = 360, .frame_local0 = AT8(360),        /* frameobject.h */
        .code_type = AT8(8), .code_argcount = AT4(16), .code_nlocals = AT4(28),
        .code_first_line = AT4(40), .code_varnames = AT8(72), .code_cellvars = AT8(88),
        .code_cell2arg = AT8(96), .cell2arg_bytes = 8, .code_filename = AT8(104),
        .code_name = AT8(112), .code_lines = AT8(120),            /* code.h */
        .instr_unit = 1, .line_format = LINES_LNOTAB,
        .unicode = UNICODE_TO_311,                                /* cpython/unicodeobject.h */
        .bytes_size_at = 16, .bytes_data_at = 32,                 /* bytesobject.h */
        .func_code = AT8(16), .func_qualname = AT8(104),          /* funcobject.h */
        .wrapped = AT8(16),                                       /* funcobject.c, descrobject.c */
    },
    {
        .minor = 9, .interp_modules = AT8(856),
        .ts_exc_info = AT8(144), .ts_exc_state = 112, .exc_value = AT8(8), .exc_previous = AT8(24),
        .rt_initialized = AT4(12), .rt_interpreters = AT8(32),    /* pycore_runtime.h */
        .rt_gil = AT8(352), .gil_holder = AT8(8), .gil_locked = AT4(16), /* pycore_gil.h */
        .interp_next = AT8(0), .interp_threads = AT8(8),          /* pycore_interp.h */
        .interp_collecting = AT4(816),                            /* pycore_gc.h */
        .ts_next = AT8(8), .ts_interp = AT8(16), .ts_frame = AT8(24),
        .ts_thread_id = AT8(176),                                 /* cpython/pystate.h */
        .frame_previous = AT8(24), .frame_code = AT8(32),
        .frame_instr = AT4(104), .frame_running = AT1(116), .frame_locals_at = 360, .frame_local0 = AT8(360),        /* cpython/frameobject.h */
        .code_type = AT8(8), .code_argcount = AT4(16), .code_nlocals = AT4(28),
        .code_first_line = AT4(40), .code_varnames = AT8(72), .code_cellvars = AT8(88),
        .code_cell2arg = AT8(96), .cell2arg_bytes = 8, .code_filename = AT8(104),
        .code_name = AT8(112), .code_lines = AT8(120),            /* cpython/code.h */
        .instr_unit = 1, .line_format = LINES_LNOTAB,
        .unicode = UNICODE_TO_311,                                /* cpython/unicodeobject.h */
        .bytes_size_at = 16, .bytes_data_at = 32,                 /* cpython/bytesobject.h */
        .func_code = AT8(16), .func_qualname = AT8(104),          /* funcobject.h */
        .wrapped = AT8(16),                                       /* funcobject.c, descrobject.c */
    },
    {
        .minor = 10, .interp_modules = AT8(856),
        .ts_exc_info = AT8(144), .ts_exc_state = 112, .exc_value = AT8(8), .exc_previous = AT8(24),
        .rt_initialized = AT4(12), .rt_interpreters = AT8(32),    /* pycore_runtime.h */
        .rt_gil = AT8(352), .gil_holder = AT8(8), .gil_locked = AT4(16), /* pycore_gil.h */
        .interp_next = AT8(0), .interp_threads = AT8(8),          /* pycore_interp.h */
        .interp_collecting = AT4(816),                            /* pycore_gc.h */
        .ts_next = AT8(8), .ts_interp = AT8(16), .ts_frame = AT8(24),
        .ts_thread_id = AT8(176),                                 /* cpython/pystate.h */
        .frame_previous = AT8(24), .frame_code = AT8(32),
        .frame_instr = AT4(96), .frame_running = AT1(108), .running = RUNNING_STATE, .frame_locals_at = 352, .frame_local0 = AT8(352),         /* cpython/frameobject.h */
        .code_type = AT8(8), .code_argcount = AT4(16), .code_nlocals = AT4(28),
        .code_first_line = AT4(40), .code_varnames = AT8(72), .code_cellvars = AT8(88),
        .code_cell2arg = AT8(96), .cell2arg_bytes = 8, .code_filename = AT8(104),
        .code_name = AT8(112), .code_lines = AT8(120),            /* cpython/code.h */
        .instr_unit = 2, .line_format = LINES_RANGES,
        .unicode = UNICODE_TO_311,                                /* cpython/unicodeobject.h */
        .bytes_size_at = 16, .bytes_data_at = 32,                 /* cpython/bytesobject.h */
        .func_code = AT8(48), .func_qualname = AT8(40),           /* funcobject.h */
        .wrapped = AT8(16),                                       /* funcobject.c, descrobject.c */
    },
    {
        .minor = 11, .interp_modules = AT8(888), .type_cached_keys = 872,
        .ts_exc_info = AT8(120), .ts_exc_state = 320, .exc_value = AT8(0), .exc_previous = AT8(8),
        .rt_initialized = AT4(16), .rt_interpreters = AT8(40),    /* pycore_runtime.h */
        .rt_gil = AT8(360), .gil_holder = AT8(8), .gil_locked = AT4(16), /* pycore_gil.h */
        .interp_next = AT8(0), .interp_threads = AT8(16),         /* pycore_interp.h */
        .interp_collecting = AT4(848),                            /* pycore_gc.h */
        .ts_next = AT8(8), .ts_interp = AT8(16), .ts_frame = AT8(56), .cframe_frame = AT8(8),
        .ts_thread_id = AT8(152), .ts_native_id = AT8(160),
        .ts_chunk = AT8(296),                                     /* cpython/pystate.h */
        .frame_code = AT8(32), .frame_previous = AT8(48), .frame_instr = AT8(56),
        .frame_running = AT4(64), .running = RUNNING_DEPTH, .frame_entry = AT1(68), .frame_locals_at = 72, .frame_owner = AT1(69),           /* pycore_frame.h */
        .code_type = AT8(8), .code_size = AT8(16), .code_first_line = AT4(72),
        .code_filename = AT8(112), .code_name = AT8(120), .code_qualname = AT8(128),
        .code_lines = AT8(136), .code_bytecode_at = 184,          /* cpython/code.h */
        .line_format = LINES_LOCATIONS,
        .unicode = UNICODE_TO_311,                                /* cpython/unicodeobject.h */
        .bytes_size_at = 16, .bytes_data_at = 32,                 /* cpython/bytesobject.h */
    },
    {
        .minor = 12, .interp_modules = AT8(944), .type_cached_keys = 880,
        .ts_exc_info = AT8(104), .ts_exc_state = 256, .exc_value = AT8(0), .exc_previous = AT8(8),
        .rt_initialized = AT4(16), .rt_interpreters = AT8(40),    /* pycore_runtime.h */
        .interp_next = AT8(0), .interp_threads = AT8(72),         /* pycore_interp.h */
        .interp_collecting = AT4(312),                            /* pycore_gc.h */
        .interp_gil = AT8(384), .gil_holder = AT8(8), .gil_locked = AT4(16),
        .ts_next = AT8(8), .ts_interp = AT8(16), .ts_frame = AT8(56), .cframe_frame = AT8(0),
        .ts_thread_id = AT8(136), .ts_native_id = AT8(144),
        .ts_chunk = AT8(232),                                     /* cpython/pystate.h */
        .frame_code = AT8(0), .frame_previous = AT8(8), .frame_instr = AT8(56),
        .frame_running = AT4(64), .running = RUNNING_DEPTH, .frame_locals_at = 72, .frame_owner = AT1(70),                                   /* pycore_frame.h */
        .code_type = AT8(8), .code_size = AT8(16), .code_first_line = AT4(68),
        .code_filename = AT8(112), .code_name = AT8(120), .code_qualname = AT8(128),
        .code_lines = AT8(136), .code_bytecode_at = 192,          /* cpython/code.h */
        .line_format = LINES_LOCATIONS,
        .unicode = UNICODE_312,                                   /* cpython/unicodeobject.h */
        .bytes_size_at = 16, .bytes_data_at = 32,                 /* cpython/bytesobject.h */
    },
    PUBLISHED_ROW(13),
    PUBLISHED_ROW(14),
    PUBLISHED_ROW(15),
};
/* clang-format on */

const struct layout *layout_find(unsigned minor)
{
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++)
        if (layouts[i].minor == minor)
            return &layouts[i];
    return NULL;
}

/* A garbage collector's head grew from 24 to 32 bytes in 3.7.4, which moved three generations and
 * the permanent one, and what lies behind them in _PyRuntime (objimpl.h). */
#define HEADS_GREW_MICRO 4
#define HEADS_GREW_BYTES 88

void layout_adjust(struct layout *l, unsigned micro)
{
    if (l->minor != 7 || micro >= HEADS_GREW_MICRO)
        return;
    l->rt_collecting.at -= HEADS_GREW_BYTES;
    l->rt_gil.at -= HEADS_GREW_BYTES;
}

const char *layout_versions(void)
{
    return "3.6 to 3.15";
}

/*
 * Which slot (of 8 bytes) of _Py_DebugOffsets says what, by minor version from 3.13: fields are
 * inserted in its middle with each version (pycore_runtime.h; from 3.14 pycore_debug_offsets.h).
 */
#define PUBLISHED_FIRST_MINOR 13

struct published {
    size_t member; /* the uint32_t offset in struct layout */
    uint8_t slot[3];
    uint32_t max; /* more is nonsense */
};

#define MEMBER(field) offsetof(struct layout, field)
enum { INTERP_MAX = 1 << 20, STATE_MAX = 4096, FRAME_MAX = 256, CODE_MAX = 1024 };

static const struct published published[] = {
    {MEMBER(rt_interpreters.at), {5, 5, 5}, INTERP_MAX},
    {MEMBER(interp_next.at), {8, 8, 8}, INTERP_MAX},
    {MEMBER(interp_threads.at), {9, 9, 9}, INTERP_MAX},
    {MEMBER(interp_modules.at), {11, 12, 12}, INTERP_MAX},
    {MEMBER(interp_gil.at), {14, 15, 15}, INTERP_MAX},
    {MEMBER(ts_next.at), {21, 24, 24}, STATE_MAX},
    {MEMBER(ts_interp.at), {22, 25, 25}, STATE_MAX},
    {MEMBER(ts_frame.at), {23, 26, 26}, STATE_MAX},
    {MEMBER(ts_thread_id.at), {24, 27, 30}, STATE_MAX},
    {MEMBER(ts_native_id.at), {25, 28, 31}, STATE_MAX},
    {MEMBER(ts_chunk.at), {26, 29, 32}, STATE_MAX},
    {MEMBER(frame_previous.at), {29, 32, 40}, FRAME_MAX},
    {MEMBER(frame_code.at), {30, 33, 41}, FRAME_MAX},
    {MEMBER(frame_instr.at), {31, 34, 42}, FRAME_MAX},
    {MEMBER(frame_locals_at), {32, 35, 43}, FRAME_MAX},
    {MEMBER(frame_owner.at), {33, 36, 44}, FRAME_MAX},
    {MEMBER(code_filename.at), {35, 40, 48}, CODE_MAX},
    {MEMBER(code_name.at), {36, 41, 49}, CODE_MAX},
    {MEMBER(code_qualname.at), {37, 42, 50}, CODE_MAX},
    {MEMBER(code_lines.at), {38, 43, 51}, CODE_MAX},
    {MEMBER(code_first_line.at), {39, 44, 52}, CODE_MAX},
    {MEMBER(code_bytecode_at), {43, 48, 56}, CODE_MAX},
    {MEMBER(bytes_size_at), {65, 75, 87}, FRAME_MAX},
    {MEMBER(bytes_data_at), {66, 76, 88}, FRAME_MAX},
    {MEMBER(unicode.state_at), {68, 78, 90}, FRAME_MAX},
    {MEMBER(unicode.length_at), {69, 79, 91}, FRAME_MAX},
    {MEMBER(unicode.ascii_data_at), {70, 80, 92}, FRAME_MAX},
};
/* The collector's state is inside the interpreter's: the sum of two slots. */
static const uint8_t gc_slot[] = {10, 11, 11}, collecting_slot[] = {72, 82, 95};
enum { VERSION_SLOT = 1, FREE_THREADED_SLOT = 2, COMPACT_EXTRA = 16 };

static uint64_t slot_value(const uint8_t *table, unsigned slot)
{
    uint64_t value;
    memcpy(&value, table + slot * sizeof value, sizeof value);
    return value;
}

/* 3.13: the int below the owner, as in 3.12; published from 3.14 on (pycore_frame.h). */
static void find_running(struct layout *l, const uint8_t *table)
{
    static const uint8_t slot[] = {0, 37, 45};
    l->running = l->minor == 13 ? RUNNING_DEPTH : RUNNING_POINTER;
    if (l->minor == 13)
        l->frame_running = (struct field){l->frame_owner.at - 6, 4};
    else
        l->frame_running =
            (struct field){(uint32_t)slot_value(table, slot[l->minor - PUBLISHED_FIRST_MINOR]), 8};
    if (l->frame_running.at > FRAME_MAX)
        l->frame_running.size = 0;
}

/* The item in a thread's state lies behind the bounds of its data stack (cpython/pystate.h); 3.15
 * publishes it, the exception in flight, which the pointer to the items lies behind, and more. */
static void find_flags(struct layout *l, const uint8_t *table)
{
    enum {
        CACHED_KEYS = 67,
        GIL_REQUESTED = 35,
        CURRENT_EXCEPTION,
        EXC_STATE,
        GC = 11,
        GC_FRAME = 96
    };
    enum { BOUNDS_BYTES = 24 };
    l->ts_exc_state = l->ts_chunk.at + BOUNDS_BYTES;
    if (l->minor < 15)
        return;
    if (slot_value(table, CACHED_KEYS) <= STATE_MAX)
        l->type_cached_keys = (uint32_t)slot_value(table, CACHED_KEYS);
    l->ts_exc_state = (uint32_t)slot_value(table, EXC_STATE);
    l->ts_exc_info.at = (uint32_t)slot_value(table, CURRENT_EXCEPTION) + 8;
    l->ts_gil_wanted = (struct field){(uint32_t)slot_value(table, GIL_REQUESTED), 4};
    uint64_t frame = slot_value(table, GC) + slot_value(table, GC_FRAME);
    if (l->ts_exc_state > STATE_MAX - 64 || l->ts_exc_info.at > STATE_MAX)
        l->ts_exc_info.size = 0;
    if (l->ts_gil_wanted.at > STATE_MAX)
        l->ts_gil_wanted.size = 0;
    if (frame <= INTERP_MAX)
        l->interp_gc_frame = (struct field){(uint32_t)frame, 8};
}

bool layout_apply_published(struct layout *l, const uint8_t table[PUBLISHED_BYTES], struct err *err)
{
    if (l->minor < PUBLISHED_FIRST_MINOR)
        return true;
    size_t column = l->minor - PUBLISHED_FIRST_MINOR;
    if (memcmp(table, PUBLISHED_COOKIE, 8) || column >= sizeof gc_slot ||
        (slot_value(table, VERSION_SLOT) >> 16 & 255) != l->minor)
        return err_set(err, "Python 3.%u without the table of offsets that it should publish",
                       l->minor);
    if (slot_value(table, FREE_THREADED_SLOT))
        return err_set(err,
                       "Python 3.%u built without a GIL (free-threaded) is not supported: run "
                       "the program with python3.%u instead of python3.%ut",
                       l->minor, l->minor, l->minor);
    struct layout new = *l;
    for (size_t i = 0; i < sizeof published / sizeof *published; i++) {
        uint64_t value = slot_value(table, published[i].slot[column]);
        if (value > published[i].max)
            goto nonsense;
        uint32_t at = (uint32_t)value;
        memcpy((uint8_t *)&new + published[i].member, &at, sizeof at);
    }
    uint64_t gc = slot_value(table, gc_slot[column]);
    uint64_t collecting = slot_value(table, collecting_slot[column]);
    if (gc > INTERP_MAX || collecting > INTERP_MAX)
        goto nonsense;
    new.interp_collecting.at = (uint32_t)(gc + collecting);
    find_running(&new, table);
    find_flags(&new, table);
    new.unicode.compact_data_at = new.unicode.ascii_data_at + COMPACT_EXTRA;
    *l = new;
    return true;
nonsense:
    return err_set(err, "Python 3.%u publishes offsets that make no sense: is it a patched build?",
                   l->minor);
}
