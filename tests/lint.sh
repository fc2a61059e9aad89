#!/bin/bash
# lint.sh -- what a machine can see of the source without running it.
#
#   tests/lint.sh [BUILD]    BUILD: a configured and built tree with compile_commands.json (build/release)
#
# Every rule is one function below that prints what it objects to; all rules run, then the status is 1 if any
# objected. Files are those that git knows or would add, so nothing generated is looked at.
set -u
cd "$(dirname "$0")/.." || exit 1
build=${1-build/release}
jobs=$(nproc)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Headers over 60 lines and files over 400 need a reason here: path, lines, reason.
exceptions='
common/transport/transport.h 100 the seam: every promise that a transport makes stands in one place
common/transport/transport_calls.h 110 the same seam: one function a promise
producer/coordinator_state.h 220 all that a run knows stands in one place, private to the files that change it
producer/progress.h 135 a memory that seven states, ten tables and those who show it share
tests/coordinator_world.h 102 one world for ten test programs: all that can be scripted and all that happened
consumer/loader_state.h 80 all that the loader knows stands in one place, private to the files that change it
consumer/distribute/distribute.h 72 the seam to targets: all that a type can rely on stands in one place
common/qualys/api.h 70 the calls and what can become of them: one table with its comments
'

# No length is checked, or locale and errors are ignored, or there is one state for all threads.
banned='strcpy|strcat|sprintf|vsprintf|gets|strncpy|strncat|strtok|atoi|atol|atoll|atof|alloca|tmpnam|tempnam|mktemp'
banned+='|localtime|gmtime|asctime|ctime|rand|srand|system|popen|longjmp|setjmp|bcopy|bzero'

git ls-files -co --exclude-standard >"$work/all"
while read -r f; do [ -f "$f" ] && echo "$f"; done <"$work/all" >"$work/files"
sources() { grep -E "\.($1)$" "$work/files"; }

format() { sources 'c|h' | xargs -r -P "$jobs" -n 8 clang-format --dry-run -Werror 2>&1; }

tidy() {
	if [ ! -f "$build/compile_commands.json" ]; then
		echo "$build/compile_commands.json is missing: configure and build first"
		return
	fi
	# Only what is compiled has a command; a .c that is in no CMakeLists.txt is dead.
	sources c | while read -r f; do
		if grep -qF "\"file\": \"$PWD/$f\"" "$build/compile_commands.json"; then
			echo "$f"
		else
			echo "$f: no CMakeLists.txt names it" >&3
		fi
	done 3>"$work/dead" >"$work/compiled"
	cat "$work/dead"
	xargs -r -P "$jobs" -n 2 clang-tidy --quiet -p "$build" <"$work/compiled" >"$work/found" 2>"$work/errors" ||
		[ -s "$work/found" ] || cat "$work/errors"
	cat "$work/found"
}

lengths() {
	sources 'c|h' | xargs -r wc -l | awk -v exceptions="$exceptions" '
		BEGIN { n = split(exceptions, line, "\n"); for (i = 1; i <= n; i++) { split(line[i], word, " "); most[word[1]] = word[2] } }
		$2 == "total" { next }
		{ limit = $2 in most ? most[$2] : $2 ~ /\.h$/ ? 60 : 400 }
		$1 > limit { printf "%s: %d lines, at most %d\n", $2, $1, limit }'
	# A function's body stands between { and } in column 1: clang-format sees to that.
	sources c | xargs -r awk '
		FNR == 1 { open = 0 }
		/^{/ { open = FNR }
		/^}/ { if (open && FNR - open > 80) printf "%s:%d: a function of %d lines, at most 80\n", FILENAME, open, FNR - open; open = 0 }'
}

banned_functions() {
	sources 'c|h' | xargs -r grep -nE "(^|[^A-Za-z0-9_>.\"])($banned)[[:space:]]*\(" |
		grep -vE '^[^:]+:[0-9]+:[[:space:]]*(\*|/\*|//)' | sed 's/$/   <- banned/'
}

opening_comment() {
	# shellcheck disable=SC2016 # these are awk's
	sources 'c|h' | xargs -r awk '
		{ name = FILENAME; sub(/.*\//, "", name); opening = "/* " name " -- " }
		index($0, opening) != 1 || length($0) <= length(opening) { printf "%s:1: opens with \"%swhat it is for\"\n", FILENAME, opening }
		{ nextfile }'
	sources 'sh|py' | while read -r f; do
		head -n 3 "$f" | grep -qE "$(basename "$f" | sed 's/[.]/\\./g') -- .+" ||
			echo "$f:1: opens with '$(basename "$f") -- what it is for'"
	done
}

# Each library of others is named in one place, so that it can be replaced there.
third_party() {
	only() {
		sources 'c|h' | grep -vE "$2" | xargs -r grep -nE "^#include <$1" | sed "s~\$~   <- only in $2~"
	}
	only curl/ '^common/qualys/http.c$|^consumer/distribute/s3_(http[a-z_]*|error).c$|^tests/bench/'
	only libxml/ '^common/record/xml_reader.c$|^tests/bench/'
	only microhttpd '^tests/qualys_sim/'
	only ini.h '^common/base/config'
	only csv.h '^consumer/enrich/csv_'
	only zlib.h '^consumer/enrich/csv_|^tests/'
	only libpq-fe.h '^consumer/distribute/postgresql_(inside.h|link.c|ask.c)$'
	only librdkafka/ '^(common/transport/kafka|tests/(test_)?kafka)'
}

unfinished() {
	sources 'c|h|sh|py|proto|md' | grep -v '^tests/lint.sh$' | xargs -r grep -nE '\b(TODO|FIXME|XXX)\b'
	sources 'c|h|sh|py|proto|md|txt' | xargs -r grep -nE '[[:blank:]]+$' | sed 's/$/   <- white space at the end/'
}

shell() { sources sh | xargs -r shellcheck -e SC2317; }

python() {
	sources py | xargs -r env PYTHONPYCACHEPREFIX="$work" python3 -W error -m py_compile 2>&1
}

status=0
for rule in format lengths banned_functions third_party opening_comment unfinished shell python tidy; do
	start=$(date +%s)
	$rule >"$work/out"
	took=$(($(date +%s) - start))
	if [ -s "$work/out" ]; then
		cat "$work/out"
		echo "lint: $rule: objects (${took}s)"
		status=1
	else
		echo "lint: $rule: ok (${took}s)"
	fi
done
exit $status
