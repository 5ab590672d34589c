## SPDX-License-Identifier: GPL-2.0-or-later
## The tests: unit tests (a program a file of tests/unit, linked with the rooms that its own room
## may see), live tests on real processes, screen tests through a real terminal. All print TAP.

TEST_EXTENSIONS = .py .sh
TAP_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
LOG_DRIVER = $(TAP_DRIVER)
PY_LOG_DRIVER = $(TAP_DRIVER)
SH_LOG_DRIVER = $(TAP_DRIVER)
SH_LOG_COMPILER = $(SHELL)
LOG_COMPILER = $(SHELL) $(top_srcdir)/tests/lib/run-unit
PY_LOG_COMPILER = $(PYTHON3)
AM_TESTS_ENVIRONMENT = PROFTOP='$(abs_top_builddir)/proftop'; export PROFTOP; \
	SRCDIR='$(abs_top_srcdir)'; export SRCDIR; \
	BUILDDIR='$(abs_top_builddir)'; export BUILDDIR; \
	XDG_CONFIG_HOME='$(abs_top_builddir)/no-settings'; export XDG_CONFIG_HOME; \
	PYTHONDONTWRITEBYTECODE=1; export PYTHONDONTWRITEBYTECODE;
$(TEST_LOGS): proftop$(EXEEXT)

if HAVE_CMOCKA

check_PROGRAMS += tests/unit/cli_print
tests_unit_cli_print_SOURCES = tests/unit/cli_print.c
tests_unit_cli_print_LDADD = libcli.a libview.a libmodel.a libbase.a $(CMOCKA_LIBS) $(JANSSON_LIBS) -lm

check_PROGRAMS += tests/unit/engine_blocks
tests_unit_engine_blocks_SOURCES = tests/unit/engine_blocks.c
tests_unit_engine_blocks_LDADD = libengine.a libpython.a libnative.a libtarget.a libmodel.a libbase.a $(CMOCKA_LIBS) $(UNWIND_LIBS) $(DW_LIBS) $(PROC2_LIBS) $(IBERTY_LIBS) $(LIBBPF_LIBS) -lm

check_PROGRAMS += tests/unit/engine_budget
tests_unit_engine_budget_SOURCES = tests/unit/engine_budget.c
tests_unit_engine_budget_LDADD = libengine.a libbase.a $(CMOCKA_LIBS) -lm

check_PROGRAMS += tests/unit/engine_contended
tests_unit_engine_contended_SOURCES = tests/unit/engine_contended.c
tests_unit_engine_contended_LDADD = libengine.a libmodel.a libbase.a $(CMOCKA_LIBS) -lm

check_PROGRAMS += tests/unit/engine_footprints
tests_unit_engine_footprints_SOURCES = tests/unit/engine_footprints.c
tests_unit_engine_footprints_LDADD = libengine.a libtarget.a libmodel.a libbase.a $(CMOCKA_LIBS) $(PROC2_LIBS) -lm

check_PROGRAMS += tests/unit/engine_frames
tests_unit_engine_frames_SOURCES = tests/unit/engine_frames.c
tests_unit_engine_frames_LDADD = libengine.a libpython.a libnative.a libtarget.a libmodel.a libbase.a $(CMOCKA_LIBS) $(UNWIND_LIBS) $(DW_LIBS) $(PROC2_LIBS) $(IBERTY_LIBS) $(LIBBPF_LIBS) -lm

check_PROGRAMS += tests/unit/engine_metrics
tests_unit_engine_metrics_SOURCES = tests/unit/engine_metrics.c
tests_unit_engine_metrics_LDADD = libengine.a libtarget.a libmodel.a libbase.a $(CMOCKA_LIBS) $(PROC2_LIBS) -lm

check_PROGRAMS += tests/unit/engine_slept
tests_unit_engine_slept_SOURCES = tests/unit/engine_slept.c
tests_unit_engine_slept_LDADD = libengine.a libbase.a $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/engine_mapped_spans
tests_unit_engine_mapped_spans_SOURCES = tests/unit/engine_mapped_spans.c
tests_unit_engine_mapped_spans_LDADD = libengine.a libmodel.a libbase.a $(CMOCKA_LIBS) -lm

check_PROGRAMS += tests/unit/engine_survivors
tests_unit_engine_survivors_SOURCES = tests/unit/engine_survivors.c
tests_unit_engine_survivors_LDADD = libengine.a libpython.a libnative.a libtarget.a libmodel.a libbase.a $(CMOCKA_LIBS) $(UNWIND_LIBS) $(DW_LIBS) $(PROC2_LIBS) $(IBERTY_LIBS) $(LIBBPF_LIBS) -lm

check_PROGRAMS += tests/unit/engine_watch
tests_unit_engine_watch_SOURCES = tests/unit/engine_watch.c
tests_unit_engine_watch_LDADD = libengine.a libpython.a libnative.a libtarget.a libmodel.a libbase.a $(CMOCKA_LIBS) $(UNWIND_LIBS) $(DW_LIBS) $(PROC2_LIBS) $(IBERTY_LIBS) $(LIBBPF_LIBS) -lm

check_PROGRAMS += tests/unit/engine_watched
tests_unit_engine_watched_SOURCES = tests/unit/engine_watched.c
tests_unit_engine_watched_LDADD = libengine.a libmodel.a libbase.a $(CMOCKA_LIBS) -lm

check_PROGRAMS += tests/unit/engine_weave
tests_unit_engine_weave_SOURCES = tests/unit/engine_weave.c
tests_unit_engine_weave_LDADD = libengine.a libbase.a $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/model_alerts
tests_unit_model_alerts_SOURCES = tests/unit/model_alerts.c
tests_unit_model_alerts_LDADD = libmodel.a libbase.a $(CMOCKA_LIBS) -lm

check_PROGRAMS += tests/unit/model_census
tests_unit_model_census_SOURCES = tests/unit/model_census.c
tests_unit_model_census_LDADD = libmodel.a libbase.a $(CMOCKA_LIBS) -lm

check_PROGRAMS += tests/unit/model_metric
tests_unit_model_metric_SOURCES = tests/unit/model_metric.c
tests_unit_model_metric_LDADD = libmodel.a libbase.a $(CMOCKA_LIBS) -lm
check_PROGRAMS += tests/unit/model_forget
tests_unit_model_forget_SOURCES = tests/unit/model_forget.c
tests_unit_model_forget_LDADD = libmodel.a libbase.a $(CMOCKA_LIBS) -lm

check_PROGRAMS += tests/unit/model_pool
tests_unit_model_pool_SOURCES = tests/unit/model_pool.c
tests_unit_model_pool_LDADD = libmodel.a libbase.a $(CMOCKA_LIBS) -lm

check_PROGRAMS += tests/unit/model_recording
tests_unit_model_recording_SOURCES = tests/unit/model_recording.c
tests_unit_model_recording_LDADD = libmodel.a libbase.a $(CMOCKA_LIBS) -lm

check_PROGRAMS += tests/unit/model_window
tests_unit_model_window_SOURCES = tests/unit/model_window.c
tests_unit_model_window_LDADD = libmodel.a libbase.a $(CMOCKA_LIBS) -lm

check_PROGRAMS += tests/unit/native_census
tests_unit_native_census_SOURCES = tests/unit/native_census.c
tests_unit_native_census_LDADD = libnative.a libtarget.a libmodel.a libbase.a $(CMOCKA_LIBS) $(UNWIND_LIBS) $(DW_LIBS) $(PROC2_LIBS) $(IBERTY_LIBS) -lm

check_PROGRAMS += tests/unit/native_hostile
tests_unit_native_hostile_SOURCES = tests/unit/native_hostile.c
tests_unit_native_hostile_LDADD = libnative.a libtarget.a libmodel.a libbase.a $(CMOCKA_LIBS) $(UNWIND_LIBS) $(DW_LIBS) $(PROC2_LIBS) $(IBERTY_LIBS) -lm

check_PROGRAMS += tests/unit/native_perf_map
tests_unit_native_perf_map_SOURCES = tests/unit/native_perf_map.c
tests_unit_native_perf_map_LDADD = libnative.a libtarget.a libmodel.a libbase.a $(CMOCKA_LIBS) $(UNWIND_LIBS) $(DW_LIBS) $(PROC2_LIBS) $(IBERTY_LIBS) -lm

check_PROGRAMS += tests/unit/native_symbolizer
tests_unit_native_symbolizer_SOURCES = tests/unit/native_symbolizer.c
tests_unit_native_symbolizer_LDADD = libnative.a libtarget.a libmodel.a libbase.a $(CMOCKA_LIBS) $(UNWIND_LIBS) $(DW_LIBS) $(PROC2_LIBS) $(IBERTY_LIBS) -lm

check_PROGRAMS += tests/unit/native_unwind
tests_unit_native_unwind_SOURCES = tests/unit/native_unwind.c
tests_unit_native_unwind_LDADD = libnative.a libtarget.a libmodel.a libbase.a $(CMOCKA_LIBS) $(UNWIND_LIBS) $(DW_LIBS) $(PROC2_LIBS) $(IBERTY_LIBS) -lm

check_PROGRAMS += tests/unit/python_census
tests_unit_python_census_SOURCES = tests/unit/python_census.c
tests_unit_python_census_LDADD = libpython.a libnative.a libtarget.a libmodel.a libbase.a $(CMOCKA_LIBS) $(UNWIND_LIBS) $(DW_LIBS) $(PROC2_LIBS) $(IBERTY_LIBS) -lm

check_PROGRAMS += tests/unit/python_holders
tests_unit_python_holders_SOURCES = tests/unit/python_holders.c
tests_unit_python_holders_LDADD = libpython.a libnative.a libtarget.a libmodel.a libbase.a $(CMOCKA_LIBS) $(UNWIND_LIBS) $(DW_LIBS) $(PROC2_LIBS) $(IBERTY_LIBS) -lm

check_PROGRAMS += tests/unit/python_live
tests_unit_python_live_SOURCES = tests/unit/python_live.c
tests_unit_python_live_LDADD = libpython.a libnative.a libtarget.a libmodel.a libbase.a $(CMOCKA_LIBS) $(UNWIND_LIBS) $(DW_LIBS) $(PROC2_LIBS) $(IBERTY_LIBS) -lm

check_PROGRAMS += tests/unit/python_instances
tests_unit_python_instances_SOURCES = tests/unit/python_instances.c
tests_unit_python_instances_LDADD = libpython.a libnative.a libtarget.a libmodel.a libbase.a $(CMOCKA_LIBS) $(UNWIND_LIBS) $(DW_LIBS) $(PROC2_LIBS) $(IBERTY_LIBS) -lm

check_PROGRAMS += tests/unit/python_tables
tests_unit_python_tables_SOURCES = tests/unit/python_tables.c
tests_unit_python_tables_LDADD = libpython.a libnative.a libtarget.a libmodel.a libbase.a $(CMOCKA_LIBS) $(UNWIND_LIBS) $(DW_LIBS) $(PROC2_LIBS) $(IBERTY_LIBS) -lm

check_PROGRAMS += tests/unit/python_tracemalloc
tests_unit_python_tracemalloc_SOURCES = tests/unit/python_tracemalloc.c
tests_unit_python_tracemalloc_LDADD = libpython.a libnative.a libtarget.a libmodel.a libbase.a $(CMOCKA_LIBS) $(UNWIND_LIBS) $(DW_LIBS) $(PROC2_LIBS) $(IBERTY_LIBS) -lm

check_PROGRAMS += tests/unit/session_alarms
tests_unit_session_alarms_SOURCES = tests/unit/session_alarms.c
tests_unit_session_alarms_LDADD = libsession.a libstore.a libmodel.a libbase.a $(CMOCKA_LIBS) $(SQLITE_LIBS) -lm

check_PROGRAMS += tests/unit/store_cut
tests_unit_store_cut_SOURCES = tests/unit/store_cut.c
tests_unit_store_cut_LDADD = libstore.a libmodel.a libbase.a $(CMOCKA_LIBS) $(SQLITE_LIBS) -lm
check_PROGRAMS += tests/unit/session_settings
tests_unit_session_settings_SOURCES = tests/unit/session_settings.c
tests_unit_session_settings_LDADD = libsession.a libmodel.a libbase.a $(CMOCKA_LIBS) -lm

check_PROGRAMS += tests/unit/store_load
tests_unit_store_load_SOURCES = tests/unit/store_load.c
tests_unit_store_load_LDADD = libstore.a libmodel.a libbase.a $(CMOCKA_LIBS) $(SQLITE_LIBS) -lm

check_PROGRAMS += tests/unit/store_openmetrics
tests_unit_store_openmetrics_SOURCES = tests/unit/store_openmetrics.c
tests_unit_store_openmetrics_LDADD = libstore.a libmodel.a libbase.a $(CMOCKA_LIBS) -lm

check_PROGRAMS += tests/unit/store_save
tests_unit_store_save_SOURCES = tests/unit/store_save.c
tests_unit_store_save_LDADD = libstore.a libmodel.a libbase.a $(CMOCKA_LIBS) $(SQLITE_LIBS) -lm

check_PROGRAMS += tests/unit/store_shelf
tests_unit_store_shelf_SOURCES = tests/unit/store_shelf.c
tests_unit_store_shelf_LDADD = libstore.a libmodel.a libbase.a $(CMOCKA_LIBS) $(SQLITE_LIBS) -lm

check_PROGRAMS += tests/unit/store_writer
tests_unit_store_writer_SOURCES = tests/unit/store_writer.c
tests_unit_store_writer_LDADD = libstore.a libmodel.a libbase.a $(CMOCKA_LIBS) $(SQLITE_LIBS) -lm

check_PROGRAMS += tests/unit/target_contention
tests_unit_target_contention_SOURCES = tests/unit/target_contention.c
tests_unit_target_contention_LDADD = libtarget.a libbase.a $(CMOCKA_LIBS) $(PROC2_LIBS) -lm

if BPF
check_PROGRAMS += tests/unit/target_bpf_regs
tests_unit_target_bpf_regs_SOURCES = tests/unit/target_bpf_regs.c
tests_unit_target_bpf_regs_LDADD = libtarget.a libbase.a $(CMOCKA_LIBS) $(PROC2_LIBS) $(LIBBPF_LIBS)
endif

check_PROGRAMS += tests/unit/target_figures
tests_unit_target_figures_SOURCES = tests/unit/target_figures.c
tests_unit_target_figures_LDADD = libtarget.a libbase.a $(CMOCKA_LIBS) $(PROC2_LIBS) -lm

check_PROGRAMS += tests/unit/target_memory
tests_unit_target_memory_SOURCES = tests/unit/target_memory.c
tests_unit_target_memory_LDADD = libtarget.a libbase.a $(CMOCKA_LIBS) $(PROC2_LIBS) -lm

check_PROGRAMS += tests/unit/target_hold
tests_unit_target_hold_SOURCES = tests/unit/target_hold.c
tests_unit_target_hold_LDADD = libtarget.a libbase.a $(CMOCKA_LIBS) $(PROC2_LIBS) -lm

check_PROGRAMS += tests/unit/target_perf
tests_unit_target_perf_SOURCES = tests/unit/target_perf.c
tests_unit_target_perf_LDADD = libtarget.a libbase.a $(CMOCKA_LIBS) $(PROC2_LIBS) -lm

check_PROGRAMS += tests/unit/target_tracepoint
tests_unit_target_tracepoint_SOURCES = tests/unit/target_tracepoint.c
tests_unit_target_tracepoint_LDADD = libtarget.a libbase.a $(CMOCKA_LIBS) $(PROC2_LIBS) -lm

check_PROGRAMS += tests/unit/target_pid_file
tests_unit_target_pid_file_SOURCES = tests/unit/target_pid_file.c
tests_unit_target_pid_file_LDADD = libtarget.a libbase.a $(CMOCKA_LIBS) $(PROC2_LIBS) -lm

check_PROGRAMS += tests/unit/target_process
tests_unit_target_process_SOURCES = tests/unit/target_process.c
tests_unit_target_process_LDADD = libtarget.a libbase.a $(CMOCKA_LIBS) $(PROC2_LIBS) -lm

check_PROGRAMS += tests/unit/target_resources
tests_unit_target_resources_SOURCES = tests/unit/target_resources.c
tests_unit_target_resources_LDADD = libtarget.a libbase.a $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/target_stop
tests_unit_target_stop_SOURCES = tests/unit/target_stop.c
tests_unit_target_stop_LDADD = libtarget.a libbase.a $(CMOCKA_LIBS) $(PROC2_LIBS) -lm

check_PROGRAMS += tests/unit/target_uprobe
tests_unit_target_uprobe_SOURCES = tests/unit/target_uprobe.c
tests_unit_target_uprobe_LDADD = libtarget.a libbase.a $(CMOCKA_LIBS) $(PROC2_LIBS) -lm

check_PROGRAMS += tests/unit/target_waited
tests_unit_target_waited_SOURCES = tests/unit/target_waited.c
tests_unit_target_waited_LDADD = libtarget.a libbase.a $(CMOCKA_LIBS) $(PROC2_LIBS)

check_PROGRAMS += tests/unit/view_alerts
tests_unit_view_alerts_SOURCES = tests/unit/view_alerts.c
tests_unit_view_alerts_LDADD = libview.a libmodel.a libbase.a $(CMOCKA_LIBS) -lm

check_PROGRAMS += tests/unit/view_compare
tests_unit_view_compare_SOURCES = tests/unit/view_compare.c
tests_unit_view_compare_LDADD = libview.a libmodel.a libbase.a $(CMOCKA_LIBS) -lm

check_PROGRAMS += tests/unit/view_compare_shown
tests_unit_view_compare_shown_SOURCES = tests/unit/view_compare_shown.c
tests_unit_view_compare_shown_LDADD = libview.a libmodel.a libbase.a $(CMOCKA_LIBS) -lm

check_PROGRAMS += tests/unit/view_significance
tests_unit_view_significance_SOURCES = tests/unit/view_significance.c
tests_unit_view_significance_LDADD = libview.a libmodel.a libbase.a $(CMOCKA_LIBS) -lm

check_PROGRAMS += tests/unit/view_draw
tests_unit_view_draw_SOURCES = tests/unit/view_draw.c
tests_unit_view_draw_LDADD = libview.a libmodel.a libbase.a $(CMOCKA_LIBS) -lm

check_PROGRAMS += tests/unit/view_flame
tests_unit_view_flame_SOURCES = tests/unit/view_flame.c
tests_unit_view_flame_LDADD = libview.a libmodel.a libbase.a $(CMOCKA_LIBS) -lm

check_PROGRAMS += tests/unit/view_grid
tests_unit_view_grid_SOURCES = tests/unit/view_grid.c
tests_unit_view_grid_LDADD = libview.a libmodel.a libbase.a $(CMOCKA_LIBS) -lm

check_PROGRAMS += tests/unit/view_growth
tests_unit_view_growth_SOURCES = tests/unit/view_growth.c
tests_unit_view_growth_LDADD = libview.a libmodel.a libbase.a $(CMOCKA_LIBS) -lm

check_PROGRAMS += tests/unit/view_heat
tests_unit_view_heat_SOURCES = tests/unit/view_heat.c
tests_unit_view_heat_LDADD = libview.a libmodel.a libbase.a $(CMOCKA_LIBS) -lm

check_PROGRAMS += tests/unit/view_memory
tests_unit_view_memory_SOURCES = tests/unit/view_memory.c
tests_unit_view_memory_LDADD = libview.a libmodel.a libbase.a $(CMOCKA_LIBS) -lm

check_PROGRAMS += tests/unit/view_objects
tests_unit_view_objects_SOURCES = tests/unit/view_objects.c
tests_unit_view_objects_LDADD = libview.a libmodel.a libbase.a $(CMOCKA_LIBS) -lm

check_PROGRAMS += tests/unit/view_processes
tests_unit_view_processes_SOURCES = tests/unit/view_processes.c
tests_unit_view_processes_LDADD = libview.a libmodel.a libbase.a $(CMOCKA_LIBS) -lm

check_PROGRAMS += tests/unit/view_rows
tests_unit_view_rows_SOURCES = tests/unit/view_rows.c
tests_unit_view_rows_LDADD = libview.a libmodel.a libbase.a $(CMOCKA_LIBS) -lm

check_PROGRAMS += tests/unit/view_spikes
tests_unit_view_spikes_SOURCES = tests/unit/view_spikes.c
tests_unit_view_spikes_LDADD = libview.a libmodel.a libbase.a $(CMOCKA_LIBS) -lm

check_PROGRAMS += tests/unit/view_table
tests_unit_view_table_SOURCES = tests/unit/view_table.c
tests_unit_view_table_LDADD = libview.a libmodel.a libbase.a $(CMOCKA_LIBS) -lm

check_PROGRAMS += tests/unit/view_time
tests_unit_view_time_SOURCES = tests/unit/view_time.c
tests_unit_view_time_LDADD = libview.a libmodel.a libbase.a $(CMOCKA_LIBS) -lm

check_PROGRAMS += tests/unit/view_waits
tests_unit_view_waits_SOURCES = tests/unit/view_waits.c
tests_unit_view_waits_LDADD = libview.a libmodel.a libbase.a $(CMOCKA_LIBS) -lm

TESTS += $(check_PROGRAMS)
endif

# Not built by `make check`: make tests/bench/bench_travel && tests/bench/bench_travel
EXTRA_PROGRAMS = tests/bench/bench_travel
tests_bench_bench_travel_SOURCES = tests/bench/bench_travel.c
tests_bench_bench_travel_LDADD = libview.a libmodel.a libbase.a -lm

TESTS += tests/rooms.sh
EXTRA_DIST += tests/rooms.sh tests/man-keys tests/lib/run-unit

LIVE_TESTS = \
	tests/live/test_alerts.py \
	tests/live/test_bad_input.py \
	tests/live/test_demo.py \
	tests/live/test_diff.py \
	tests/live/test_families.py \
	tests/live/test_fleet.py \
	tests/live/test_doctor.py \
	tests/live/test_dump.py \
	tests/live/test_harmless.py \
	tests/live/test_memory.py \
	tests/live/test_metrics.py \
	tests/live/test_mixed.py \
	tests/live/test_namespaces.py \
	tests/live/test_native.py \
	tests/live/test_record.py \
	tests/live/test_ring.py \
	tests/live/test_servers.py \
	tests/live/test_settings.py \
	tests/live/test_split_c.py \
	tests/live/test_split_python.py \
	tests/live/test_survivors.py \
	tests/live/test_enlarged.py \
	tests/live/test_growth.py \
	tests/live/test_objects.py \
	tests/live/test_waits.py \
	tests/live/test_thread_names.py \
	tests/live/test_throttle.py \
	tests/live/test_throttled_threads.py \
	tests/ui/test_alerts.py \
	tests/ui/test_family.py \
	tests/ui/test_growth.py \
	tests/ui/test_objects.py \
	tests/ui/test_flame.py \
	tests/ui/test_manual.py \
	tests/ui/test_memory.py \
	tests/ui/test_screens.py \
	tests/ui/test_settings.py \
	tests/ui/test_terminal.py \
	tests/ui/test_travel.py \
	tests/ui/test_waits.py
TESTS += $(LIVE_TESTS)
# What is run again under the sanitizers: each room by itself, and the ways through all of them.
SANITIZED_TESTS = $(check_PROGRAMS) tests/rooms.sh \
	tests/live/test_bad_input.py \
	tests/live/test_dump.py \
	tests/live/test_record.py \
	tests/live/test_settings.py \
	tests/live/test_split_python.py \
	tests/live/test_waits.py \
	tests/ui/test_objects.py \
	tests/ui/test_screens.py
EXTRA_DIST += $(LIVE_TESTS) $(LIVE_FILES)
UNIT_FIXTURES = \
	tests/unit/native_test.h \
	tests/unit/python_program.h \
	tests/unit/store_fixture.h \
	tests/unit/tree_fixture.h \
	tests/unit/view_fixture.h
EXTRA_DIST += $(UNIT_FIXTURES) doc/format.md doc/architecture.md
LIVE_FILES = \
	tests/bench/bench_first_table.py \
	tests/bench/bench_metrics.py \
	tests/bench/bench_overhead.py \
	tests/bench/bench_ring.py \
	tests/bench/bench_rss.py \
	tests/bench/bench_sampling.py \
	tests/bench/bench_census.py \
	tests/bench/bench_survivors.py \
	tests/bench/bench_symbols.py \
	tests/lib/cgroup.py \
	tests/lib/count-results \
	tests/lib/lsan.supp \
	tests/lib/measure.py \
	tests/lib/paging.py \
	tests/lib/proftop.py \
	tests/lib/split_check.py \
	tests/lib/survivors.py \
	tests/lib/tap.py \
	tests/lib/targets.py \
	tests/programs/alerts.py \
	tests/programs/alloc_steps.c \
	tests/programs/alloc_steps.py \
	tests/programs/burst.py \
	tests/programs/eintr.c \
	tests/programs/enlarge.c \
	tests/programs/enlarge.py \
	tests/programs/leak.py \
	tests/programs/late_heap.c \
	tests/programs/leak_classes.cc \
	tests/programs/leak_held.cc \
	tests/programs/leak_line.cc \
	tests/programs/leak_line.py \
	tests/programs/leak_seldom.c \
	tests/programs/heap_shapes.cc \
	tests/programs/grow.c \
	tests/programs/mixed.py \
	tests/programs/resize.c \
	tests/programs/spin_pair.c \
	tests/programs/native_chain.c \
	tests/programs/native_deep.c \
	tests/programs/native_shapes.cc \
	tests/programs/native_spin.rs \
	tests/programs/native_work.go \
	tests/programs/prefork.py \
	tests/programs/python_busy.py \
	tests/programs/python_chain.py \
	tests/programs/python_deep.py \
	tests/programs/python_heap.py \
	tests/programs/python_holders.py \
	tests/programs/python_hostile.py \
	tests/programs/python_interpreters.py \
	tests/programs/python_leaks.py \
	tests/programs/python_mixed.py \
	tests/programs/python_short.py \
	tests/programs/python_states.py \
	tests/programs/python_traced.py \
	tests/programs/split.c \
	tests/programs/split.py \
	tests/programs/waits.c \
	tests/programs/waits.py \
	tests/programs/waits_pool.py \
	tests/programs/waits_work.py \
	tests/programs/waits_chain.c \
	tests/programs/work_and_sleep.py \
	tests/ui/tmux.py
dist_demo_DATA = \
	data/demo/db.py \
	data/demo/demo.py \
	data/demo/lifeline.py \
	data/demo/load.py \
	data/demo/shop.py
