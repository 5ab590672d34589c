## SPDX-License-Identifier: GPL-2.0-or-later
## The rooms of src/, each a convenience library.

noinst_LIBRARIES += libbase.a
libbase_a_SOURCES = \
	src/base/chains.h \
	src/base/clock.c \
	src/base/clock.h \
	src/base/err.c \
	src/base/err.h \
	src/base/log.c \
	src/base/log.h \
	src/base/map.c \
	src/base/map.h \
	src/base/mem.c \
	src/base/mem.h \
	src/base/random.h \
	src/base/nearest.c \
	src/base/nearest.h \
	src/base/quantity.c \
	src/base/quantity.h \
	src/base/text.c \
	src/base/text.h \
	src/base/vec.h

noinst_LIBRARIES += libmodel.a
libmodel_a_SOURCES = \
	src/model/alert.c \
	src/model/alert.h \
	src/model/alert_log.c \
	src/model/alert_log.h \
	src/model/alert_text.c \
	src/model/batch.c \
	src/model/batch.h \
	src/model/census.c \
	src/model/census.h \
	src/model/collect.c \
	src/model/collect.h \
	src/model/cut.c \
	src/model/cut.h \
	src/model/dictionary.c \
	src/model/dictionary.h \
	src/model/fold.c \
	src/model/fold.h \
	src/model/forget.c \
	src/model/forget.h \
	src/model/growth.c \
	src/model/growth.h \
	src/model/growth_look.c \
	src/model/growth_look.h \
	src/model/heap_count.c \
	src/model/heap_count.h \
	src/model/idle.c \
	src/model/ids.h \
	src/model/leak.c \
	src/model/leak.h \
	src/model/metric.c \
	src/model/metric.h \
	src/model/pool.c \
	src/model/pool.h \
	src/model/recording.c \
	src/model/recording.h \
	src/model/sample.c \
	src/model/sample.h \
	src/model/thread_states.c \
	src/model/thread_states.h \
	src/model/wall.c \
	src/model/wall.h \
	src/model/window.c \
	src/model/window.h

noinst_LIBRARIES += libtarget.a
libtarget_a_SOURCES = \
	src/target/bpf_record.h \
	src/target/bpf_regs.h \
	src/target/capacity.c \
	src/target/capacity.h \
	src/target/cgroup.c \
	src/target/cgroup.h \
	src/target/capture.h \
	src/target/children.c \
	src/target/children.h \
	src/target/descriptors.c \
	src/target/descriptors.h \
	src/target/diag.c \
	src/target/diag.h \
	src/target/contention.c \
	src/target/contention.h \
	src/target/file_lock.c \
	src/target/file_lock.h \
	src/target/figures.c \
	src/target/figures.h \
	src/target/footprint.c \
	src/target/footprint.h \
	src/target/hold.c \
	src/target/hold.h \
	src/target/listing.c \
	src/target/inner_tid.c \
	src/target/inner_tid.h \
	src/target/listing.h \
	src/target/lock.c \
	src/target/lock.h \
	src/target/maps.c \
	src/target/maps.h \
	src/target/net_traffic.c \
	src/target/net_traffic.h \
	src/target/oom_kills.c \
	src/target/oom_kills.h \
	src/target/pagemap.c \
	src/target/pagemap.h \
	src/target/perf.c \
	src/target/perf.h \
	src/target/permission.c \
	src/target/permission.h \
	src/target/pid_file.c \
	src/target/pid_file.h \
	src/target/process.c \
	src/target/process.h \
	src/target/procfs.c \
	src/target/procfs.h \
	src/target/remote.c \
	src/target/ring.c \
	src/target/ring.h \
	src/target/remote.h \
	src/target/resident.c \
	src/target/resident.h \
	src/target/sockets.c \
	src/target/sockets.h \
	src/target/stop.c \
	src/target/stop.h \
	src/target/syscall_name.c \
	src/target/syscall_name.h \
	src/target/tasks.c \
	src/target/tasks.h \
	src/target/thread_counts.c \
	src/target/thread_counts.h \
	src/target/tracepoint.c \
	src/target/tracepoint.h \
	src/target/uprobe.c \
	src/target/uprobe.h \
	src/target/waited.c \
	src/target/waited.h \
	src/target/waited_child.c \
	src/target/waited_child.h
libtarget_a_CPPFLAGS = $(AM_CPPFLAGS) $(PROC2_CFLAGS) -I$(top_builddir)/src
src/target/libtarget_a-syscall_name.$(OBJEXT): src/target/syscall_names.inc
src/target/syscall_names.inc: $(srcdir)/src/target/syscall_name.c
	$(AM_V_GEN)$(MKDIR_P) $(@D) && echo '#include <asm/unistd.h>' | $(CC) -E -dM - | \
		sed -n 's/^#define __NR_\([a-z0-9_]*\) \([0-9]*\)$$/[\2] = "\1",/p' >$@.tmp && \
		mv $@.tmp $@
CLEANFILES += src/target/syscall_names.inc
EXTRA_DIST += src/target/bpf_program.c
if BPF
libtarget_a_SOURCES += src/target/bpf_regs.c
libtarget_a_CPPFLAGS += $(LIBBPF_CFLAGS)
src/target/libtarget_a-bpf_regs.$(OBJEXT): src/target/bpf_program.inc
src/target/bpf_program.inc: $(srcdir)/src/target/bpf_program.c \
		$(srcdir)/src/target/bpf_record.h $(srcdir)/src/target/capture.h
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(BPF_CC) -target bpf -std=gnu11 -ffreestanding -O2 -g \
		-Wall -Wextra -I$(srcdir)/src $(LIBBPF_CFLAGS) -c $< -o $@.o && \
		od -An -v -tx1 $@.o | sed 's/ \(..\)/0x\1,/g' >$@.tmp && rm -f $@.o && mv $@.tmp $@
CLEANFILES += src/target/bpf_program.inc
endif

noinst_LIBRARIES += libnative.a
libnative_a_SOURCES = \
	src/native/cfi.c \
	src/native/cfi.h \
	src/native/block_set.c \
	src/native/block_set.h \
	src/native/census.c \
	src/native/census.h \
	src/native/data_symbol.c \
	src/native/data_symbol.h \
	src/native/debug_file.c \
	src/native/debug_file.h \
	src/native/demangle.c \
	src/native/demangle.h \
	src/native/dwarf_file.c \
	src/native/dwarf_file.h \
	src/native/eh_table.c \
	src/native/eh_table.h \
	src/native/elf_file.c \
	src/native/elf_file.h \
	src/native/elf_symbol.c \
	src/native/elf_symbol.h \
	src/native/fetch.c \
	src/native/fetch.h \
	src/native/frame_pointer.c \
	src/native/frame_pointer.h \
	src/native/holders.c \
	src/native/holders.h \
	src/native/kallsyms.c \
	src/native/kallsyms.h \
	src/native/go_table.c \
	src/native/go_table.h \
	src/native/lines.c \
	src/native/lines.h \
	src/native/lines_child.c \
	src/native/malloc_heap.c \
	src/native/malloc_heap.h \
	src/native/malloc_key.c \
	src/native/malloc_mapped.c \
	src/native/malloc_mapped.h \
	src/native/malloc_state.h \
	src/native/malloc_walk.c \
	src/native/malloc_walk.h \
	src/native/modules.c \
	src/native/modules.h \
	src/native/perf_map.c \
	src/native/perf_map.h \
	src/native/registers.h \
	src/native/rtti.c \
	src/native/rtti.h \
	src/native/self.c \
	src/native/self.h \
	src/native/stack_memory.c \
	src/native/stack_memory.h \
	src/native/symbolizer.c \
	src/native/symbolizer.h \
	src/native/symbols.c \
	src/native/symbols.h \
	src/native/unwind.c \
	src/native/unwind.h
libnative_a_CPPFLAGS = $(AM_CPPFLAGS) $(UNWIND_CFLAGS) $(DW_CFLAGS)

noinst_LIBRARIES += libpython.a
libpython_a_SOURCES = \
	src/python/census.c \
	src/python/census.h \
	src/python/code.c \
	src/python/code.h \
	src/python/dict.c \
	src/python/dict.h \
	src/python/handled.c \
	src/python/handled.h \
	src/python/holders.c \
	src/python/holders.h \
	src/python/holders_text.c \
	src/python/holders_text.h \
	src/python/instances.c \
	src/python/instances.h \
	src/python/layout.c \
	src/python/layout.h \
	src/python/linetable.c \
	src/python/linetable.h \
	src/python/locks.c \
	src/python/locks.h \
	src/python/loop.c \
	src/python/loop.h \
	src/python/method.c \
	src/python/method.h \
	src/python/names.c \
	src/python/names.h \
	src/python/object.c \
	src/python/object.h \
	src/python/old_runtime.c \
	src/python/old_runtime.h \
	src/python/origin.c \
	src/python/origin.h \
	src/python/pymalloc.c \
	src/python/pymalloc.h \
	src/python/python.c \
	src/python/python.h \
	src/python/peek.c \
	src/python/peek.h \
	src/python/refs.c \
	src/python/refs.h \
	src/python/runtime.c \
	src/python/runtime.h \
	src/python/stack.c \
	src/python/stack.h \
	src/python/sweep.c \
	src/python/sweep.h \
	src/python/threads.c \
	src/python/threads.h \
	src/python/tid.c \
	src/python/tid.h \
	src/python/tracemalloc.c \
	src/python/tracemalloc.h \
	src/python/types.c \
	src/python/types.h \
	src/python/unicode.c \
	src/python/unicode.h \
	src/python/version.c \
	src/python/version.h

noinst_LIBRARIES += libengine.a
libengine_a_SOURCES = \
	src/engine/allocators.c \
	src/engine/allocators.h \
	src/engine/blocks.c \
	src/engine/blocks.h \
	src/engine/enlarged.c \
	src/engine/enlarged.h \
	src/engine/mapping_calls.c \
	src/engine/mapping_calls.h \
	src/engine/mapped_spans.c \
	src/engine/mapped_spans.h \
	src/engine/sites.c \
	src/engine/sites.h \
	src/engine/survivors.c \
	src/engine/survivors.h \
	src/engine/thread_draw.c \
	src/engine/thread_draw.h \
	src/engine/footprints.c \
	src/engine/footprints.h \
	src/engine/frames.c \
	src/engine/frames.h \
	src/engine/heaps.c \
	src/engine/heaps.h \
	src/engine/metrics.c \
	src/engine/metrics.h \
	src/engine/sink.c \
	src/engine/sink.h \
	src/engine/slept.c \
	src/engine/slept.h \
	src/engine/thread_name.c \
	src/engine/thread_name.h \
	src/engine/wait_object.c \
	src/engine/wait_object.h \
	src/engine/waits.c \
	src/engine/waits.h \
	src/engine/budget.c \
	src/engine/budget.h \
	src/engine/captures.c \
	src/engine/captures.h \
	src/engine/contended.c \
	src/engine/contended.h \
	src/engine/look.c \
	src/engine/perf_look.c \
	src/engine/stacks.c \
	src/engine/stacks.h \
	src/engine/watch.c \
	src/engine/watch_state.h \
	src/engine/watched.c \
	src/engine/watched.h \
	src/engine/weave.c \
	src/engine/weave.h \
	src/engine/watch.h

noinst_LIBRARIES += libstore.a
libstore_a_SOURCES = \
	src/store/db.c \
	src/store/db.h \
	src/store/load.c \
	src/store/openmetrics.c \
	src/store/openmetrics.h \
	src/store/outfile.c \
	src/store/outfile.h \
	src/store/put.c \
	src/store/put.h \
	src/store/reader.c \
	src/store/reader.h \
	src/store/save.c \
	src/store/schema.c \
	src/store/schema.h \
	src/store/shelf.c \
	src/store/shelf.h \
	src/store/store.h \
	src/store/writer.c
libstore_a_CPPFLAGS = $(AM_CPPFLAGS) $(SQLITE_CFLAGS)

noinst_LIBRARIES += libsession.a
libsession_a_SOURCES = \
	src/session/alarms.c \
	src/session/alarms.h \
	src/session/hook.c \
	src/session/hook.h \
	src/session/saver.c \
	src/session/saver.h \
	src/session/censuses.c \
	src/session/censuses.h \
	src/session/fleet.c \
	src/session/fleet.h \
	src/session/follow.c \
	src/session/follow.h \
	src/session/growing.c \
	src/session/growing.h \
	src/session/http.c \
	src/session/http.h \
	src/session/naming.c \
	src/session/naming.h \
	src/session/queue.c \
	src/session/queue.h \
	src/session/ring_span.c \
	src/session/ring_span.h \
	src/session/sampler.c \
	src/session/sampler.h \
	src/session/rcfile.c \
	src/session/rcfile.h \
	src/session/session.c \
	src/session/session.h \
	src/session/setting.c \
	src/session/setting.h \
	src/session/settings.c \
	src/session/settings.h \
	src/session/settings_apply.c \
	src/session/settings_apply.h \
	src/session/settings_write.c

noinst_LIBRARIES += libview.a
libview_a_SOURCES = \
	src/view/alert_rules.c \
	src/view/alerts.c \
	src/view/alerts.h \
	src/view/calls.c \
	src/view/calls.h \
	src/view/compare.c \
	src/view/compare.h \
	src/view/compare_objects.c \
	src/view/compare_objects.h \
	src/view/detail.c \
	src/view/detail.h \
	src/view/nameless.c \
	src/view/nameless.h \
	src/view/draw_chart.c \
	src/view/draw_chart.h \
	src/view/draw_compare.c \
	src/view/draw_compare.h \
	src/view/draw_figure.c \
	src/view/draw_figure.h \
	src/view/draw_flame.c \
	src/view/draw_flame.h \
	src/view/draw_frame.c \
	src/view/draw_frame.h \
	src/view/draw_header.c \
	src/view/draw_header.h \
	src/view/draw_heat.c \
	src/view/draw_heat.h \
	src/view/draw_memory.c \
	src/view/draw_memory.h \
	src/view/draw_table.c \
	src/view/draw_table.h \
	src/view/draw_time.c \
	src/view/draw_time.h \
	src/view/flame.c \
	src/view/flame.h \
	src/view/functions.c \
	src/view/grid.c \
	src/view/grid.h \
	src/view/heat.c \
	src/view/heat.h \
	src/view/lines.c \
	src/view/memory.c \
	src/view/memory.h \
	src/view/memory_pattern.c \
	src/view/memory_pattern.h \
	src/view/object_detail.c \
	src/view/objects.c \
	src/view/objects.h \
	src/view/order.c \
	src/view/order.h \
	src/view/rows.c \
	src/view/rows.h \
	src/view/series_pattern.c \
	src/view/series_pattern.h \
	src/view/significance.c \
	src/view/significance.h \
	src/view/judge_processes.c \
	src/view/judge_machine.c \
	src/view/judge_memory.c \
	src/view/judge_waits.c \
	src/view/processes.c \
	src/view/processes.h \
	src/view/spikes.c \
	src/view/spikes.h \
	src/view/summary.c \
	src/view/summary.h \
	src/view/table.c \
	src/view/table.h \
	src/view/tally.c \
	src/view/tally.h \
	src/view/theme.h \
	src/view/text_lines.c \
	src/view/text_lines.h \
	src/view/threads.c \
	src/view/timeline.c \
	src/view/tree.c \
	src/view/views.c \
	src/view/views.h \
	src/view/wait_chain.c \
	src/view/wait_chain.h \
	src/view/wait_detail.c \
	src/view/wait_detail.h \
	src/view/wait_group.c \
	src/view/wait_group.h \
	src/view/waits.c

noinst_LIBRARIES += libui.a
libui_a_SOURCES = \
	src/ui/alerts_screen.c \
	src/ui/alerts_screen.h \
	src/ui/command.c \
	src/ui/find.c \
	src/ui/flame_screen.c \
	src/ui/flame_screen.h \
	src/ui/guard.c \
	src/ui/guard.h \
	src/ui/help_screen.c \
	src/ui/help_screen.h \
	src/ui/keys.c \
	src/ui/keys.h \
	src/ui/loop.c \
	src/ui/memory_screen.c \
	src/ui/memory_screen.h \
	src/ui/objects_screen.c \
	src/ui/objects_screen.h \
	src/ui/palette.c \
	src/ui/palette.h \
	src/ui/picker.c \
	src/ui/prompt.c \
	src/ui/prompt.h \
	src/ui/screens.c \
	src/ui/settings_screen.c \
	src/ui/settings_screen.h \
	src/ui/state.c \
	src/ui/state.h \
	src/ui/terminal.c \
	src/ui/terminal.h \
	src/ui/time_screen.c \
	src/ui/time_screen.h \
	src/ui/travel.c \
	src/ui/travel.h \
	src/ui/ui.h
libui_a_CPPFLAGS = $(AM_CPPFLAGS) $(NCURSES_CFLAGS)

noinst_LIBRARIES += libcli.a
libcli_a_SOURCES = \
	src/cli/alerting.c \
	src/cli/alerting.h \
	src/cli/demo.c \
	src/cli/demo.h \
	src/cli/diff.c \
	src/cli/diff.h \
	src/cli/doctor.c \
	src/cli/dump.c \
	src/cli/memory_report.c \
	src/cli/memory_report.h \
	src/cli/objects_report.c \
	src/cli/objects_report.h \
	src/cli/options.c \
	src/cli/options.h \
	src/cli/paper.c \
	src/cli/print.c \
	src/cli/print.h \
	src/cli/record.c \
	src/cli/report.c \
	src/cli/report.h \
	src/cli/settings.c \
	src/cli/ring.c \
	src/cli/ring.h \
	src/cli/ring_files.c \
	src/cli/ring_files.h \
	src/cli/source.c \
	src/cli/source.h \
	src/cli/span.c \
	src/cli/span.h \
	src/cli/top.c \
	src/cli/verbs.h
libcli_a_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) -DPYTHON3='"$(PYTHON3)"' -DDEMODIR='"$(abs_top_srcdir)/data/demo"'

bin_PROGRAMS += proftop
proftop_SOURCES = src/cli/main.c
proftop_LDADD = libcli.a libui.a libsession.a libengine.a libstore.a libview.a libpython.a \
	libnative.a libtarget.a libmodel.a libbase.a $(ROOM_LIBS)
ROOM_LIBS = $(NCURSES_LIBS) $(SQLITE_LIBS) $(JANSSON_LIBS) $(UNWIND_LIBS) $(DW_LIBS) \
	$(PROC2_LIBS) $(IBERTY_LIBS) $(LIBBPF_LIBS) -lm
