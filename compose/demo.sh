#!/bin/bash
# demo.sh -- a whole extraction on this machine: installs, builds, runs against a simulated subscription of 2,000 hosts,
# and shows what came of it. Nothing outside of build/ is touched, but for Debian packages that were missing; no process
# stays. Call it as often as you like, each time from the beginning.
set -eu
cd "$(dirname "$0")/.."
hosts=2000
demo=$PWD/build/demo
data=$demo/data

title() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || title() { printf '\n%s\n' "$*"; }

title "1. Packages and build"
compose/install-deps.sh --demo
mkdir -p build
{
	cmake --preset release
	cmake --build --preset release -j "$(nproc)" --target qidflow qualys_sim
} >build/demo.log 2>&1 </dev/null || { tail -n 40 build/demo.log; exit 1; }
echo "built build/release/compose/qidflow"

title "2. A simulated subscription of $hosts hosts"
rm -rf "$demo"
mkdir -p "$demo"
build/release/tests/qualys_sim/qualys_sim --port 0 --port-file "$demo/port" --hosts "$hosts" --no-traps --recent --gzip --limit 4 \
	--user demo --password demo --die-with-parent >"$demo/simulator.log" 2>&1 </dev/null &
simulator=$!
trap 'kill "$simulator" 2>/dev/null || true; wait "$simulator" 2>/dev/null || true' EXIT
for _ in $(seq 300); do
	[ -s "$demo/port" ] && break
	kill -0 "$simulator" 2>/dev/null || { cat "$demo/simulator.log"; exit 1; }
	sleep 0.1
done
url=http://127.0.0.1:$(cat "$demo/port")
echo "listens on $url"

title "3. qidflow run"
QIDFLOW_QUALYS_URL=$url QIDFLOW_QUALYS_USERNAME=demo QIDFLOW_QUALYS_PASSWORD=demo \
	build/release/compose/qidflow run --data "$data" --config compose/examples/enrich/enrich.ini \
	--set publish.formats=sqlite,csv,json,html

title "4. What the published snapshot says"
compose/demo-table.sh "$data"

title "5. Where it is"
echo "$data/qidflow.sqlite   the working database"
for file in "$data"/publish/latest/*; do
	printf '%s   %s\n' "$file" "$(du -h "$(readlink -f "$file")" | cut -f1)"
done
