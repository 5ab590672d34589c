/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where CPython keeps what, per minor version: one const row each, and from 3.13 on the offsets
 * that the interpreter itself publishes at the head of _PyRuntime (_Py_DebugOffsets), which take
 * precedence. A field's width travels with its offset. Any thread.
 *
 * Offsets are those of x86-64 builds with the GIL. Builds without it (3.13t) are another layout.
 */
#ifndef PYTHON_LAYOUT_H
#define PYTHON_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "python/linetable.h"
#include "python/unicode.h"

struct field {
    uint32_t at;
    uint8_t size; /* bytes: 1, 2, 4 or 8; 0: this version has no such field */
};

/* The field of a copied struct, zero-extended; 0 if it lies outside the copy. */
static inline uint64_t field_get(const void *bytes, size_t size, struct field f)
{
    uint64_t value = 0;
    if (f.at > size || f.size > size - f.at)
        return 0;
    if (f.size == sizeof value) /* nearly all of them, and this is met thousands of times a tick */
        memcpy(&value, (const uint8_t *)bytes + f.at, sizeof value);
    else
        memcpy(&value, (const uint8_t *)bytes + f.at, f.size);
    return value;
}
static inline uint32_t field_end(struct field f)
{
    return f.size ? f.at + f.size : 0;
}

struct layout {
    unsigned minor; /* of 3.minor */
    /* _PyRuntimeState */
    struct field rt_initialized, rt_interpreters, rt_collecting;
    struct field rt_gil; /* the struct itself; size 0: each interpreter points to one */
    struct field gil_holder, gil_locked; /* no gil_locked: it is held if it has a holder */
    /* PyInterpreterState */
    struct field interp_next, interp_threads, interp_collecting, interp_gil;
    struct field interp_modules;  /* sys.modules */
    uint32_t type_cached_keys;    /* ht_cached_keys (3.11+) of a PyHeapTypeObject */
    struct field interp_gc_frame; /* 3.15: the frame that the collection began in */
    /* PyThreadState */
    struct field ts_next, ts_interp, ts_thread_id, ts_native_id, ts_chunk;
    struct field ts_frame;     /* the current frame, or the _PyCFrame that points to it: */
    struct field cframe_frame; /* size 0: ts_frame is the frame */
    struct field ts_exc_value; /* 3.6: the exception that is handled */
    struct field ts_exc_info;  /* later: the innermost item of a stack of them; */
    uint32_t ts_exc_state;     /* the outermost is in the state itself */
    struct field exc_value, exc_previous; /* of an item */
    struct field ts_gil_wanted;           /* 3.15 */
    /* PyFrameObject (to 3.10) or _PyInterpreterFrame */
    struct field frame_code, frame_previous, frame_instr, frame_owner, frame_local0;
    uint32_t frame_locals_at; /* of its array of locals, cells and free variables */
    /* What a frame that was popped shows, though its bytes are left: see stack_copy_moving(). */
    struct field frame_running;
    enum running { RUNNING_FLAG, RUNNING_STATE, RUNNING_DEPTH, RUNNING_POINTER } running;
    struct field frame_entry; /* 3.11: the outermost of a C call of the evaluation loop */
    /* PyCodeObject */
    struct field code_type, code_size, code_filename, code_name, code_qualname, code_first_line;
    struct field code_lines;
    uint32_t code_bytecode_at; /* of co_code_adaptive (3.11+) */
    uint32_t instr_unit;       /* bytes per unit of frame_instr; 0: it is an address */
    enum line_format line_format;
    struct unicode_layout unicode;
    uint32_t bytes_size_at, bytes_data_at; /* PyBytesObject */
    /* For methods' qualified names where code objects have none (to 3.10). */
    struct field code_argcount, code_nlocals, code_varnames, code_cellvars, code_cell2arg;
    uint32_t cell2arg_bytes; /* of an item of code_cell2arg */
    struct field func_code, func_qualname;
    struct field wrapped; /* what a property, classmethod or staticmethod wraps */
};

/* What is read of struct _gil_runtime_state (Include/internal/pycore_gil.h). */
#define GIL_READ_BYTES 20
/* All of it: the condition variables and mutexes that threads wait on. */
#define GIL_BYTES 208

/* frame_owner (Include/internal/pycore_frame.h): 0 thread, 1 generator, 2 frame object; from here
 * on the interpreter's own, which stand for no Python code. */
#define OWNER_THREAD      0
#define OWNER_GENERATOR   1
#define OWNER_INTERPRETER 3

/* From 3.14 a frame's reference to its code carries tags in the lowest bits (_PyStackRef). */
#define REFERENCE_TAGS 3ull

/* struct _stack_chunk (Include/cpython/pystate.h): previous, size and top, 8 bytes each. */
#define CHUNK_HEADER_BYTES 24

/* PyTypeObject and PyTupleObject, PyDictObject and its keys, to 3.10 (Include/cpython/object.h,
 * Include/cpython/dictobject.h, Objects/dict-common.h). tp_name is the same in all versions. */
extern const struct field type_name, type_dict, type_mro, object_type, object_size, dict_keys;
#define TUPLE_ITEMS_AT 24
#define CELL_OBJECT_AT 16 /* PyCellObject (Include/cellobject.h) */

/* NULL: not known. */
const struct layout *layout_find(unsigned minor);
/* What differs within a minor version. */
void layout_adjust(struct layout *l, unsigned micro);
/* What versions there are rows for: "3.6 to 3.15". */
const char *layout_versions(void);

#define PUBLISHED_BYTES  888 /* of the longest table of offsets that is known */
#define PUBLISHED_COOKIE "xdebugpy"
/* Overrides *l (a copy of the row for its version) by what `table` publishes. false: the table
 * makes no sense, or the build is one without a GIL. */
bool layout_apply_published(struct layout *l, const uint8_t table[PUBLISHED_BYTES],
                            struct err *err);

#endif
