#!/bin/bash
# run.sh -- installs what is missing, builds everything, runs every test.
#
#   tests/run.sh           all builds, all tests, under 20 minutes on two cores
#   tests/run.sh --all     the same with the long forms of the tests (50,000 hosts, minutes of fuzzing)
#   tests/run.sh --fast    the release build alone, without the static checks
#
# Four builds in build/: release (gcc), debug (clang, ASan and UBSan), tsan, fuzz. All tests of all builds then run in
# one ctest, whose summary is printed last.
# To look at one alone: ctest --preset debug -R asan.governor
set -eu
cd "$(dirname "$0")/.."
export PYTHONDONTWRITEBYTECODE=1

builds="release debug tsan fuzz"
long=OFF fuzz_seconds=25
select=()
case "${1-}" in
"") ;;
--all) long=ON fuzz_seconds=300 ;;
--fast)
	builds=release
	select=(-E '^lint$')
	;;
*)
	echo "usage: tests/run.sh [--all|--fast]" >&2
	exit 2
	;;
esac

began=$SECONDS
step() {
	local name=$1 start=$SECONDS
	shift
	"$@"
	echo "== $name: $((SECONDS - start)) s"
}

build() {
	cmake --preset "$1" -DQIDFLOW_LONG_TESTS=$long -DQIDFLOW_FUZZ_SECONDS=$fuzz_seconds >build/configure.log || { cat build/configure.log; return 1; }
	cmake --build --preset "$1" -j "$(nproc)" >build/build.log || { tail -n 200 build/build.log; return 1; }
}

mkdir -p build/all
step "install" compose/install-deps.sh
for b in $builds; do
	step "build $b" build "$b"
done

# One ctest over all builds: a test's name says which it is of (asan. tsan. fuzz.).
for b in $builds; do
	echo "subdirs(\"$PWD/build/$b\")"
done >build/all/CTestTestfile.cmake
case $builds in *release*) step "instructions of the stages" python3 -B tests/bench/counts.py --build build/release ;; esac
echo "== ctest, $((SECONDS - began)) s after the start"
# More than there are cores: a test's processor is idle for three quarters of its time (brokers, retries, processes that are killed and
# come back). With five at once on two cores ctest took 19 minutes and 22 of a processor.
ctest --test-dir build/all -j "$((3 * $(nproc) + 1))" --output-on-failure --no-tests=error "${select[@]}"
