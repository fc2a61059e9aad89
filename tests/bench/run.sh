#!/bin/sh
# run.sh -- how fast it is: tables of ratios, measured in turn against the bare parts on the same machine.
#
#   tests/bench/run.sh            all tables, about half an hour and 60 GB of disk
#   tests/bench/run.sh --quick    all tables, small: some minutes, rougher
#   tests/bench/run.sh run api    some: stages run memory growth api publish kafka
#
# Builds build/release first. --build DIR: another build's folder; --bin FILE: another qidflow.
set -eu
cd "$(dirname "$0")/../.."
build=build/release
if [ "${1-}" = --build ]; then
	build=$2
	shift 2
else
	cmake --preset release >/dev/null
fi
cmake --build "$build" --target qidflow qualys_sim bench_bare bench_stages >/dev/null
exec python3 -B tests/bench/bench.py --build "$build" "$@"
