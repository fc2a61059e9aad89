#!/bin/bash
# containers.sh -- the cluster of compose/ in containers, from building the images to `down`: the database must be exact.
#
#   tests/containers.sh [--three] [--fetchers N] [--hosts N] [--no-build] [BUILD]
#
# Needs a Docker engine (DOCKER_HOST), its compose (v2, or docker-compose 1.29), and for the comparison BUILD/tests/e2e/dbdiff
# (build/release). With --three there are three brokers, and one of them is killed while the run goes on. Ports are
# free ones; project, containers and volumes are of this call alone, and gone afterwards. Not a part of ctest.
set -eu
cd "$(dirname "$0")/.."
fetchers=4 hosts=2000 three='' build=build/release images=yes
while [ $# -gt 0 ]; do
	case $1 in
	--three) three=yes ;;
	--fetchers) fetchers=$2 && shift ;;
	--hosts) hosts=$2 && shift ;;
	--no-build) images='' ;;
	-*) sed -n '4,4p' "$0" && exit 2 ;;
	*) build=$1 ;;
	esac
	shift
done
[ -x "$build/tests/e2e/dbdiff" ] || { echo "containers: $build/tests/e2e/dbdiff is missing: build it first" && exit 1; }

free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
SIMULATOR_PORT=$(free_port) KAFKA_PORT=$(free_port) KAFKA_PORT_2=$(free_port) KAFKA_PORT_3=$(free_port)
export SIMULATOR_HOSTS=$hosts SIMULATOR_PORT KAFKA_PORT KAFKA_PORT_2 KAFKA_PORT_3

if docker compose version >/dev/null 2>&1; then compose=(docker compose); else compose=(docker-compose); fi
compose+=(-p "qidflow-test-$$" -f compose/docker-compose.yml)
[ -z "$three" ] || compose+=(-f compose/docker-compose.three.yml)
work=$(mktemp -d)
finish() {
	local status=$?
	[ $status -eq 0 ] || "${compose[@]}" logs --tail 10 2>&1 || true
	"${compose[@]}" down -v >/dev/null 2>&1 || true
	rm -rf "$work"
	exit $status
}
trap finish EXIT
trap 'exit 130' INT TERM

[ -z "$images" ] || "${compose[@]}" build >"$work/build.log" 2>&1 || { tail -n 40 "$work/build.log" && exit 1; }
began=$SECONDS
"${compose[@]}" up -d --scale "fetcher=$fetchers" >"$work/up.log" 2>&1 || { cat "$work/up.log" && exit 1; }
echo "up with $fetchers fetchers, after $((SECONDS - began)) s"

in_loader() { "${compose[@]}" exec -T loader "$@"; }
is_complete() { in_loader test -e /var/lib/qidflow/publish/latest/vulnerabilities.sqlite; }
killed=''
for _ in $(seq 600); do
	is_complete && break
	if [ -n "$three" ] && [ -z "$killed" ] && "${compose[@]}" logs coordinator 2>/dev/null | grep -q "run 1 begins"; then
		docker kill "$("${compose[@]}" ps -q kafka-3)" >/dev/null
		killed=yes
		echo "killed a broker after $((SECONDS - began)) s"
	fi
	sleep 1
done
is_complete || { echo "containers: the run is not complete after 10 minutes" && exit 1; }
[ -z "$three" ] || [ -n "$killed" ] || { echo "containers: the run was over before a broker could be killed" && exit 1; }
echo "complete after $((SECONDS - began)) s"

"${compose[@]}" stop coordinator loader >/dev/null 2>&1
python3 - "http://127.0.0.1:$SIMULATOR_PORT/control/expect?file=/tmp/expect.sqlite" <<'P'
import sys, urllib.request
urllib.request.urlopen(sys.argv[1], timeout=300).read()
P
docker cp "$("${compose[@]}" ps -q simulator):/tmp/expect.sqlite" "$work/expect.sqlite" >/dev/null
# stopped containers are not listed by all versions of compose
loader=$(docker ps -a -q -f "label=com.docker.compose.project=qidflow-test-$$" -f label=com.docker.compose.service=loader)
docker cp "$loader:/var/lib/qidflow" "$work/data" >/dev/null
"$build/tests/e2e/dbdiff" "$work/expect.sqlite" "$work/data/qidflow.sqlite"
python3 - "http://127.0.0.1:$SIMULATOR_PORT/stats" <<'P'
import json, sys, urllib.request
stats = json.load(urllib.request.urlopen(sys.argv[1], timeout=60))
broken = {api: stats[api]["limits_broken"] for api in ("host_list", "detections", "knowledge_base")}
if any(broken.values()):
    sys.exit(f"containers: more calls at once than the API allows: {broken}")
P
"${compose[@]}" down -v >"$work/down.log" 2>&1 || { cat "$work/down.log" && exit 1; }
left=$(docker ps -a -q -f "label=com.docker.compose.project=qidflow-test-$$"; docker volume ls -q -f "label=com.docker.compose.project=qidflow-test-$$")
[ -z "$left" ] || { echo "containers: left behind: $left" && exit 1; }
echo "down, nothing left"
