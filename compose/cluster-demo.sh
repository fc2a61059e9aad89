#!/bin/bash
# cluster-demo.sh -- the same extraction as demo.sh by a cluster on this machine: a real Kafka, a simulated subscription of
# 2,000 hosts, one coordinator, three fetchers, one loader, each a process of its own. Nothing outside of build/ is
# touched, but for Debian packages that were missing and Maven's own folder; no process stays, also after Ctrl-C. Call it
# as often as you like, each time from the beginning.
set -eu
cd "$(dirname "$0")/.."
hosts=2000
demo=$PWD/build/cluster-demo
data=$demo/data
qidflow=$PWD/build/release/compose/qidflow

title() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || title() { printf '\n%s\n' "$*"; }

title "1. Packages and build"
compose/install-deps.sh --kafka
mkdir -p build
{
	cmake --preset release
	cmake --build --preset release -j "$(nproc)" --target qidflow qualys_sim
} >build/demo.log 2>&1 </dev/null || { tail -n 40 build/demo.log; exit 1; }
echo "built build/release/compose/qidflow"

# The broker ends with us by itself, too (--with-pid); so does the simulator (--die-with-parent).
started=()
finish() {
	local status=$? pid
	trap - EXIT INT TERM
	for pid in ${started[@]+"${started[@]}"}; do kill "$pid" 2>/dev/null || true; done
	for pid in ${started[@]+"${started[@]}"}; do wait "$pid" 2>/dev/null || true; done
	compose/local-kafka.sh kill --dir "$demo/kafka" || true
	exit $status
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

title "2. A Kafka broker, and a simulated subscription of $hosts hosts"
compose/local-kafka.sh kill --dir "$demo/kafka"
rm -rf "$demo"
mkdir -p "$demo"
QIDFLOW_KAFKA_BOOTSTRAP_SERVERS=$(compose/local-kafka.sh start --dir "$demo/kafka" --with-pid $$)
echo "Kafka answers on $QIDFLOW_KAFKA_BOOTSTRAP_SERVERS"
build/release/tests/qualys_sim/qualys_sim --port 0 --port-file "$demo/port" --hosts "$hosts" --no-traps --gzip --limit 4 \
	--user demo --password demo --die-with-parent >"$demo/simulator.log" 2>&1 </dev/null &
started+=($!)
for _ in $(seq 300); do
	[ -s "$demo/port" ] && break
	kill -0 "${started[0]}" 2>/dev/null || { cat "$demo/simulator.log"; exit 1; }
	sleep 0.1
done
QIDFLOW_QUALYS_URL=http://127.0.0.1:$(cat "$demo/port")
echo "the API listens on $QIDFLOW_QUALYS_URL"
export QIDFLOW_KAFKA_BOOTSTRAP_SERVERS QIDFLOW_QUALYS_URL QIDFLOW_QUALYS_USERNAME=demo QIDFLOW_QUALYS_PASSWORD=demo

title "3. Three fetchers and a loader, then qidflow coordinator"
for i in 1 2 3; do
	"$qidflow" fetcher >"$demo/fetcher-$i.log" 2>&1 </dev/null &
	started+=($!)
done
"$qidflow" loader --data "$data" >"$demo/loader.log" 2>&1 </dev/null &
started+=($!)
# in the background, so that Ctrl-C is heard while it works
"$qidflow" coordinator --data "$data" &
coordinator=$!
started+=("$coordinator")
wait "$coordinator" || { echo "the logs of all are in $demo" && exit 1; }

title "4. Who fetched what"
"$qidflow" status --data "$data"

title "5. What the published snapshot says"
compose/demo-table.sh "$data"

title "6. Where it is"
echo "$data/qidflow.sqlite   the working database"
echo "$demo   the logs of all processes"
