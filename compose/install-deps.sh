#!/bin/sh
# install-deps.sh -- the Debian 12 packages that qidflow is built, run and tested with.
#
# Names come here only when something in the tree needs them, also those that Debian merely recommends
# (libclang-rt-14-dev holds the sanitizers and libFuzzer). Nothing is fetched, and nothing asked of the
# network, when all of them are there.
#
#   compose/install-deps.sh            everything
#   compose/install-deps.sh --demo     what the release build and compose/demo.sh need: no clang, no tools for tests
#   compose/install-deps.sh --kafka    that, and what compose/local-kafka.sh needs: Java and Maven
set -eu

demo="ca-certificates cmake gcc libc6-dev libcmocka-dev libcsv-dev libcurl4-openssl-dev libinih-dev libisal-dev
	libmicrohttpd-dev libpq-dev libprotobuf-c-dev librdkafka-dev libsqlite3-dev libssl-dev libxml2-dev libzstd-dev ninja-build
	pkg-config protobuf-c-compiler python3 sqlite3 zlib1g-dev"
kafka="maven openjdk-17-jre-headless"
tests="bindfs clang clang-format clang-tidy git kcat libclang-rt-14-dev llvm openjdk-17-jdk-headless openssl postgresql
	protobuf-compiler python3-confluent-kafka python3-protobuf python3-venv shellcheck spin util-linux valgrind"

case "${1-}" in
"") wanted="$demo $kafka $tests" ;;
--demo) wanted="$demo" ;;
--kafka) wanted="$demo $kafka" ;;
*)
	echo "usage: compose/install-deps.sh [--demo|--kafka]" >&2
	exit 2
	;;
esac

missing=""
for package in $wanted; do
	case "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" in
	installed) ;;
	*) missing="$missing $package" ;;
	esac
done
if [ -z "$missing" ]; then
	echo "install-deps: all packages are there"
	exit 0
fi
echo "install-deps: installing$missing"

root=""
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "install-deps: not root and no sudo here: apt-get install$missing" >&2
		exit 1
	fi
	root=sudo
fi
apt() {
	$root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 \
		-o Dpkg::Use-Pty=0 "$@" </dev/null
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086 # a list of words
install() { apt update >"$log" 2>&1 && apt install -y --no-install-recommends $missing >>"$log" 2>&1; }

if ! install; then
	echo "install-deps: that failed, once more in 10 s" >&2
	sleep 10
	if ! install; then
		cat "$log" >&2
		exit 1
	fi
fi
echo "install-deps: done"
