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
build/release/tests/qualys_sim/qualys_sim --port 0 --port-file "$demo/port" --hosts "$hosts" --no-traps --gzip --limit 4 \
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
	build/release/compose/qidflow run --data "$data"

title "4. What the published snapshot says"
snapshot=$data/publish/latest/vulnerabilities.sqlite
sqlite3 -readonly -box "$snapshot" "
	SELECT (SELECT count(*) FROM Q_Host_List) AS hosts,
	       (SELECT count(*) FROM Q_Host_List_Detection_QIDS) AS detections,
	       (SELECT count(*) FROM Q_KnowledgeBase) AS vulnerabilities,
	       (SELECT max(STATUS_NAME) FROM Q_Host_List_Detection_Status) AS status"
echo "Detections by severity and status"
sqlite3 -readonly -box "$snapshot" "
	SELECT severity, count(*) FILTER (WHERE status = 'New') AS New,
	       count(*) FILTER (WHERE status = 'Active') AS Active,
	       count(*) FILTER (WHERE status = 'Re-Opened') AS \"Re-Opened\",
	       count(*) FILTER (WHERE status = 'Fixed') AS Fixed, count(*) AS 'all'
	FROM vulnerabilities GROUP BY severity ORDER BY severity DESC"
echo "The ten QIDs on most hosts"
sqlite3 -readonly -box "$snapshot" "
	SELECT qid AS QID, count(DISTINCT host_id) AS hosts, max(severity) AS severity, substr(title, 1, 70) AS title
	FROM vulnerabilities WHERE status <> 'Fixed' GROUP BY qid ORDER BY 2 DESC, 1 LIMIT 10"

title "5. Where it is"
echo "$data/qidflow.sqlite   the working database"
for file in "$data"/publish/latest/*; do
	printf '%s   %s\n' "$file" "$(du -h "$(readlink -f "$file")" | cut -f1)"
done
