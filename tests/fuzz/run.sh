#!/bin/bash
# run.sh -- runs the fuzz targets for a time and keeps what it finds.
#
#   tests/fuzz/run.sh [--build DIR] SECONDS [NAME...]    DIR: built with the preset fuzz (build/fuzz)
#
# Two targets run at once, each SECONDS long. What a target learns stays in DIR/fuzz/<name>/corpus, so the next run
# goes on from there; what crashes it stays in DIR/fuzz/<name>/, is named on the last lines, and makes the status 1.
# A crash that was mended belongs into tests/fuzz/corpus/<name>/.
set -u
here=$(cd "$(dirname "$0")" && pwd)
build=$here/../../build/fuzz
if [ "${1-}" = --build ]; then
	build=$2
	shift 2
fi
seconds=${1?usage: tests/fuzz/run.sh [--build DIR] SECONDS [NAME...]}
shift
build=$(cd "$build" && pwd) || exit 1
names=("$@")
if [ ${#names[@]} -eq 0 ]; then
	for source in "$here"/fuzz_*.c; do
		name=$(basename "$source" .c)
		[ "$name" = fuzz_replay_main ] || names+=("${name#fuzz_}")
	done
fi

run_target() {
	local name=$1 kept=$build/fuzz/$1
	mkdir -p "$kept/corpus"
	touch "$kept/started"
	ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=0 UBSAN_OPTIONS=print_stacktrace=1 \
		"$build/tests/fuzz/fuzz_$name" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=1500 -max_len=65536 \
		-print_final_stats=1 -artifact_prefix="$kept/" "$kept/corpus" "$here/corpus/$name" \
		>"$kept/log" 2>&1 </dev/null
	local status=$?
	local runs
	runs=$(sed -n 's/^stat::number_of_executed_units: //p' "$kept/log")
	if [ $status -eq 0 ] && [ "${runs:-0}" -gt 0 ]; then
		echo "fuzz: $name: $runs inputs in ${seconds}s, nothing found"
		return 0
	fi
	tail -n 60 "$kept/log"
	find "$kept" -maxdepth 1 -newer "$kept/started" \( -name 'crash-*' -o -name 'leak-*' -o -name 'timeout-*' -o -name 'oom-*' \) \
		-printf "fuzz: $name: found %p\n"
	echo "fuzz: $name: FAILED, status $status"
	return 1
}

if [ ${#names[@]} -eq 1 ]; then
	run_target "${names[0]}"
else
	printf '%s\n' "${names[@]}" | xargs -P 2 -n 1 "$here/run.sh" --build "$build" "$seconds"
fi
