#!/bin/bash
# check.sh -- searches the models with spin: what must hold, and which rule, switched off, breaks what.
#
#   tests/model/check.sh            the quick configurations, under two minutes on one core
#   tests/model/check.sh --all      all of them: minutes, up to 4 GB of memory
#   tests/model/check.sh --all EXPRESSION     those whose name it matches
#
# HOLDS: every state was searched and no property broken. BREAKS: one was, as it must be with that rule off. Whatever was cut
# off (memory, 600 s, depth, a bound of the model) fails. Exit status 0 and "model: all as expected" when each line is as it
# must be.
set -u
here=$(cd "$(dirname "$0")" && pwd)
mode=quick
case "${1-}" in
"" | --quick) ;;
--all) mode=all ;;
*)
	echo "usage: check.sh [--quick|--all] [expression]" >&2
	exit 2
	;;
esac
expression=${2-.}
for tool in spin gcc; do
	command -v $tool >/dev/null || { echo "model: $tool is not installed" >&2; exit 1; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# slots: limit, moves, takes, late, memory, forget, words (of fetchers that live: 1)
slots() { echo "-DLIMIT=$1 -DSPLIT=1 -DMOVES=$2 -DTAKES=$3 -DLATE=$4 -DMEMORY=$5 -DFORGET=$6 -DWORDS=${7-1}"; }
# host: parts, list, zombies, crashes, lcrashes, changes, runs, memory, forget
host() { echo "-DPARTS=$1 -DLIST=$2 -DZOMBIES=$3 -DCRASHES=$4 -DLCRASHES=$5 -DCHANGES=$6 -DRUNS=$7 -DMEMORY=$8 -DFORGET=$9"; }
claims() { echo "-DLEADERS=$1 -DSTARTS=$2"; }

# when name model must defines
list() {
	cat <<LIST
quick slots-moves             slots  HOLDS  $(slots 1 2 0 0 1 0)
all   slots-two-calls         slots  HOLDS  $(slots 2 2 1 1 1 0 0)
quick slots-takeover          slots  HOLDS  $(slots 1 1 1 1 1 0)
all   slots-takeovers         slots  HOLDS  $(slots 1 2 2 1 1 0 0)
quick slots-forgets           slots  HOLDS  $(slots 1 0 1 1 0 1)
all   slots-forgets-moves     slots  HOLDS  $(slots 1 1 1 1 0 1)
all   slots-forgets-two       slots  HOLDS  $(slots 2 1 1 0 0 1)
all   slots-forgets-twice     slots  HOLDS  $(slots 1 0 2 0 0 1)
all   slots-either            slots  HOLDS  $(slots 1 0 2 0 1 1)
quick host-zombie             host   HOLDS  $(host 0 0 1 0 1 1 2 1 0)
all   host-two-zombies        host   HOLDS  $(host 0 0 2 0 0 1 2 1 0)
all   host-crashes            host   HOLDS  $(host 0 0 1 1 1 1 2 1 0)
quick host-resumed            host   HOLDS  $(host 0 0 1 1 0 1 2 1 0)
all   host-resumed-changes    host   HOLDS  $(host 0 0 1 1 0 2 2 1 0)
all   host-forgotten          host   HOLDS  $(host 0 0 1 1 1 1 2 0 1)
quick host-parts              host   HOLDS  $(host 1 0 1 0 1 1 1 1 0)
all   host-parts-runs         host   HOLDS  $(host 1 0 1 0 1 1 2 1 0)
all   host-parts-crash        host   HOLDS  $(host 1 0 1 1 0 1 2 1 0)
all   host-parts-forgotten    host   HOLDS  $(host 1 0 1 1 0 1 2 0 1)
quick host-list               host   HOLDS  $(host 0 1 0 1 0 1 2 1 0)
all   host-list-changes       host   HOLDS  $(host 0 1 0 1 0 2 2 1 0)
all   host-list-forgotten     host   HOLDS  $(host 0 1 0 1 0 2 2 0 1)
all   host-list-zombie        host   HOLDS  $(host 0 1 1 1 0 1 1 1 0)
all   host-list-loader        host   HOLDS  $(host 0 1 0 1 1 1 2 1 0)
quick claims-two              claims HOLDS  $(claims 2 2)
all   claims-three            claims HOLDS  $(claims 3 1)
quick no-skip                 slots  BREAKS $(slots 1 1 1 1 0 1) -DNO_SKIP=1
quick no-begun                slots  BREAKS $(slots 1 1 0 0 1 0) -DNO_BEGUN=1
all   no-gen                  slots  BREAKS $(slots 1 1 1 1 0 1) -DNO_GEN=1
all   no-lost                 slots  BREAKS $(slots 1 1 1 1 0 1) -DNO_LOST=1
all   no-highest              slots  BREAKS $(slots 1 1 1 1 0 1) -DNO_HIGHEST=1
quick no-run                  slots  BREAKS $(slots 1 1 1 1 0 1) -DNO_RUN=1
quick no-adopt                slots  BREAKS $(slots 1 1 1 1 0 1) -DNO_ADOPT=1
all   no-resend               slots  BREAKS $(slots 1 1 1 1 1 0) -DNO_RESEND=1
quick no-letgo                slots  BREAKS $(slots 1 1 0 0 1 0) -DNO_LETGO=1
quick no-word                 slots  BREAKS $(slots 1 1 0 0 1 0) -DNO_WORD=1
all   no-order                slots  BREAKS $(slots 1 1 1 1 1 0) -DNO_ORDER=1
all   no-permit               slots  BREAKS $(slots 1 0 0 0 1 0) -DNO_PERMIT=1
all   no-names                host   BREAKS $(host 0 0 1 0 0 1 1 1 0) -DNO_NAMES=1
quick no-mark                 host   BREAKS $(host 0 0 1 0 0 1 1 1 0) -DNO_MARK=1
all   no-mark-keep            host   BREAKS $(host 0 0 1 0 1 1 1 1 0) -DNO_MARK_KEEP=1
all   no-mark-parts           host   BREAKS $(host 1 0 1 0 0 1 1 1 0) -DNO_MARK_PARTS=1
quick no-whole                host   BREAKS $(host 1 0 1 0 0 1 1 1 0) -DNO_WHOLE=1
quick no-row-mark             host   BREAKS $(host 0 1 0 1 0 1 2 1 0) -DNO_ROW_MARK=1
all   no-list-again           host   BREAKS $(host 0 1 0 1 0 1 2 1 0) -DNO_LIST_AGAIN=1
quick no-purge-marked         host   BREAKS $(host 0 0 1 0 0 1 2 1 0) -DNO_PURGE_MARKED=1
all   no-list-unnamed         host   BREAKS $(host 0 1 0 1 0 2 2 1 0) -DNO_LIST_UNNAMED=1
all   no-answer               host   BREAKS $(host 0 0 1 0 0 2 2 1 0) -DNO_ANSWER=1
quick no-lost-unsure          host   BREAKS $(host 0 0 1 0 0 2 2 1 0) -DNO_LOST_UNSURE=1
all   no-unaccounted          host   BREAKS $(host 0 0 1 1 0 1 2 0 1) -DNO_UNACCOUNTED=1
all   no-generation           host   BREAKS $(host 0 0 1 0 1 1 2 1 0) -DNO_GENERATION=1
quick no-max                  host   BREAKS $(host 0 0 1 0 1 1 2 1 0) -DNO_MAX=1
quick no-first-again          host   BREAKS $(host 0 0 1 1 0 1 2 1 0) -DNO_FIRST_AGAIN=1
all   no-first-first          host   BREAKS $(host 0 0 1 1 0 2 2 1 0) -DNO_FIRST_FIRST=1
all   no-stale                host   BREAKS $(host 1 0 1 0 0 1 1 1 0) -DNO_STALE=1
all   no-stale-late           host   BREAKS $(host 1 0 1 0 0 1 1 1 0) -DNO_STALE_LATE=1
all   no-stale-keep           host   BREAKS $(host 1 0 1 0 1 0 1 1 0) -DNO_STALE_KEEP=1
all   no-back-leads           claims BREAKS $(claims 3 1) -DNO_BACK_LEADS=1
quick no-back-started         claims BREAKS $(claims 2 2) -DNO_BACK_STARTED=1
all   no-overtaken            claims BREAKS $(claims 2 2) -DNO_OVERTAKEN=1
LIST
}

# Each rule that this line does not switch off is on.
rules() {
	grep -o 'NO_[A-Z_]*[A-Z]' "$here/$1.pml" | sort -u | while read -r rule; do
		[[ "$2 " == *"-D$rule=1 "* ]] || echo "-D$rule=0"
	done
}

judge() { # what pan said → HOLDS, BREAKS, BOUND (the model is too small), CUT OFF
	if grep -q '^pan:1: assertion violated (\(number\|ids\|length\)<' out; then
		echo BOUND
	elif grep -q 'errors: [1-9]' out; then
		echo BREAKS
	elif [ "$1" -ne 0 ] || ! grep -q 'errors: 0' out || grep -qE 'MEMLIM|out of memory|max search depth|Interrupted' out; then
		echo "CUT OFF"
	else
		echo HOLDS
	fi
}

failed=0 count=0
one() { # name model must defines
	local name=$1 model=$2 must=$3 defines=$4 start=$SECONDS got states memory why="" optimize=-O2

	[ "$must" = HOLDS ] || optimize=-O0 # found within few states: the compiler takes longer
	mkdir "$work/$name" && cd "$work/$name" || exit 1
	cp "$here/$model.pml" .
	# shellcheck disable=SC2046,SC2086 # lists of words
	if ! spin -a $defines $(rules "$model" "$defines") "$model.pml" >built 2>&1 ||
		! gcc $optimize -w -DSAFETY -DCOLLAPSE -DMEMLIM=4000 -o pan pan.c >>built 2>&1; then
		cat built
		echo "model: $name does not build" >&2
		exit 1
	fi
	timeout 600 ./pan -m200000 >out 2>&1
	got=$(judge $?)
	states=$(awk '/states, stored/ {print $1}' out)
	memory=$(awk '/total actual memory usage/ {print int($1)}' out)
	[ "$got" = HOLDS ] || why=$(grep -m1 '^pan:1' out | cut -c8-80)
	count=$((count + 1))
	if [ "$got" = "$must" ]; then
		printf '%-22s %-7s %9s states %4d s %5s MB  %s\n' "$name" "$got" "${states:-?}" $((SECONDS - start)) "${memory:-?}" "$why"
	else
		failed=$((failed + 1))
		printf '%-22s %-7s %9s states %4d s %5s MB  %s  MUST BE %s\n' "$name" "$got" "${states:-?}" $((SECONDS - start)) "${memory:-?}" "$why" "$must"
	fi
	cd / && rm -rf "${work:?}/$name"
}

while read -r when name model must defines; do
	[ "$mode" = all ] || [ "$when" = quick ] || continue
	[[ $name =~ $expression ]] || continue
	one "$name" "$model" "$must" "$defines"
done < <(list)
if [ $count -eq 0 ]; then
	echo "model: nothing is called \"$expression\""
	exit 1
fi
if [ $failed -ne 0 ]; then
	echo "model: $failed of $count not as expected"
	exit 1
fi
echo "model: all as expected ($count configurations, $mode)"
