#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The walls between the rooms of src/: who may include whom (doc/architecture.md), and which calls
# belong to one room alone. Prints TAP. SRCDIR: the source tree.
set -eu
src=${SRCDIR:-.}/src
n=0

result() { # what holds, and what breaks it (nothing if it holds)
	n=$((n + 1))
	if [ -z "$2" ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		printf '%s\n' "$2" | sed 's/^/# /'
	fi
}

may_include() { # a room, and the rooms that it may see besides itself
	room=$1
	shift
	allowed=$(echo "$room" "$@" | tr ' ' '|')
	result "$room includes only: $*" \
		"$(grep -rnE '^#include "[a-z]+/' "$src/$room" |
			grep -vE "#include \"($allowed)/" || true)"
}

belongs() { # a pattern, and the only place under src/ where it may stand
	result "$1 only in $2" "$(grep -rnE "$1" "$src" --include='*.[ch]' |
		grep -v "^$src/$2" || true)"
}

may_include base
may_include model base
may_include target base
may_include native base model target
may_include python base model target native
may_include engine base model target native python
may_include store base model
may_include session base model target engine native store
may_include view base model
may_include ui base model view store session
belongs '[^a-z_](ptrace|perf_event_open) ?\(' target/
belongs '#include <(libunwind|libdw|libelf|dwarf|gelf|elfutils/.*)\.h>' native/
belongs '#include <bpf/' target/bpf_
belongs '#include <sqlite3\.h>' store/
belongs '#include <(n?cursesw?|term)\.h>|#include <ncursesw/' ui/terminal
belongs '#include <pthread\.h>' session/
echo "1..$n"
