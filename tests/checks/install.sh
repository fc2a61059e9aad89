#!/bin/bash
# install.sh -- `cmake --install` puts everything where Debian and GNU expect it.
#
#   tests/checks/install.sh BUILD VERSION
set -eu
build=$1 version=$2
to=$(mktemp -d)
trap 'rm -rf "$to"' EXIT
cmake --install "$build" --prefix "$to" >"$to/log"
for file in bin/qidflow share/man/man1/qidflow.1 share/doc/qidflow/README.md share/doc/qidflow/LICENSE \
	share/qidflow/records.proto share/qidflow/cluster.proto; do
	if [ ! -s "$to/$file" ]; then
		echo "install: $file is missing or empty"
		find "$to" -type f
		exit 1
	fi
done
extra=$(find "$to" -type f ! -name log | wc -l)
[ "$extra" -eq 6 ] || { echo "install: $extra files instead of 6:" && find "$to" -type f && exit 1; }
"$to/bin/qidflow" help | grep -q "run" || { echo "install: the installed qidflow does not run" && exit 1; }
"$to/bin/qidflow" --version | grep -qF "$version" || { echo "install: --version does not say $version" && exit 1; }
