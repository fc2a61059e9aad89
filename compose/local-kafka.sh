#!/bin/bash
# local-kafka.sh -- a real Kafka on this machine without containers: Java 17 and the jars of Maven Central.
#
#   compose/local-kafka.sh start   [--dir DIR] [--nodes 1|3] [--user NAME:PASSWORD]… [--tls FILE] [--min-isr N]
#                                  [--set NAME=VALUE]… [--with-pid PID] [--for SECONDS] [--cache DIR]
#   compose/local-kafka.sh stop    [--dir DIR] [NODE…]          all of it, or these nodes
#   compose/local-kafka.sh kill    [--dir DIR] [NODE…]          the same with kill -9
#   compose/local-kafka.sh restart [--dir DIR] [NODE…]          stops what runs of them, and starts them
#   compose/local-kafka.sh tool    [--dir DIR] topics|configs|acls|groups|CLASS ARG…    a command line tool of Kafka
#
# `start` waits until the brokers answer and prints their addresses (bootstrap.servers), nothing else. All that belongs to
# them is in DIR (default build/kafka/broker): the address in DIR/bootstrap, each node in DIR/node-N with its log and pid. A
# folder that holds a stopped Kafka is started again with its data, ports and settings. Ports are free ones of 127.0.0.1,
# below those that the system gives to outgoing connections, so that they are still free for a restart.
#
# With --user the same brokers have a second listener (DIR/sasl: SASL PLAIN without TLS), whose users may do nothing until
# `tool acls` gives them rights. With --tls there is one with TLS (DIR/tls); FILE holds its key and certificate (PEM). --with-pid and --for end it by themselves: when that process is gone, after that time.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")

say() { printf 'local-kafka: %s\n' "$*" >&2; }
die() { say "$*" && exit 1; }
usage() { sed -n '4,9s/^# *//p' "$0" >&2 && exit 2; }

command=${1-}
[ $# -gt 0 ] && shift
dir=$root/build/kafka/broker cache=$root/build/kafka nodes='' min_isr='' tls='' with_pid='' seconds=0
users=() settings=() names=()
while [ $# -gt 0 ]; do
	case $1 in
	--dir | --cache | --nodes | --user | --tls | --min-isr | --set | --with-pid | --for)
		[ $# -ge 2 ] || usage
		case $1 in
		--dir) dir=$2 ;;
		--cache) cache=$2 ;;
		--nodes) nodes=$2 ;;
		--user) users+=("$2") ;;
		--tls) tls=$(realpath "$2") ;;
		--min-isr) min_isr=$2 ;;
		--set) settings+=("$2") ;;
		--with-pid) with_pid=$2 ;;
		--for) seconds=$2 ;;
		esac
		shift 2
		;;
	-*) usage ;;
	*)
		names+=("$1")
		shift
		# what follows is the tool's
		if [ "$command" = tool ]; then
			names+=("$@")
			break
		fi
		;;
	esac
done
case $command in start | stop | kill | restart | tool | watch) ;; *) usage ;; esac

# Class path: resolved by the first, while the others wait; again when a jar of it is gone.
class_path() {
	local jars
	command -v java >/dev/null || die "java is missing: compose/install-deps.sh --kafka"
	mkdir -p "$cache"
	exec 8>"$cache/lock"
	flock 8
	jars=$(cat "$cache/class-path" 2>/dev/null) || jars=
	# shellcheck disable=SC2086 # a list of jars
	if [ -z "$jars" ] || [ "$here/kafka/pom.xml" -nt "$cache/class-path" ] || ! (IFS=: && ls $jars >/dev/null 2>&1); then
		command -v mvn >/dev/null || die "mvn is missing: compose/install-deps.sh --kafka"
		say "brings the jars of Kafka"
		mvn -q -B -f "$here/kafka/pom.xml" dependency:build-classpath "-Dmdep.outputFile=$cache/class-path.new" \
			>"$cache/mvn.log" 2>&1 </dev/null || { tail -n 20 "$cache/mvn.log" >&2 && die "mvn failed, see $cache/mvn.log"; }
		mv "$cache/class-path.new" "$cache/class-path"
		jars=$(cat "$cache/class-path")
	fi
	exec 8>&-
	log=-Dorg.slf4j.simpleLogger
	java=(java -Xms96m -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 "$log.defaultLogLevel=warn" "$log.showDateTime=true"
		"$log.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS" "$log.log.kafka.server.KafkaRaftServer=info" -cp "$jars")
}

# A pid counts only while it is a JVM of this node: numbers are given anew.
pid_of() {
	local pid
	pid=$(cat "$dir/node-$1/pid" 2>/dev/null) || return 1
	tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qxF "$dir/node-$1/properties" || return 1
	echo "$pid"
}

all_nodes() {
	local i
	for i in 1 2 3; do
		[ ! -e "$dir/node-$i/properties" ] || echo "$i"
	done
}

free_port() {
	local port
	while true; do
		port=$((20000 + SRANDOM % 12000))
		case " $taken " in *" $port "*) continue ;; esac
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
	done
	taken+=" $port"
	ret_port=$port
}

# Java's properties: a backslash and a quote within quotes are escaped, for the file and for JAAS.
users_text() {
	local u
	for u in ${users[@]+"${users[@]}"}; do
		printf ' user_%s="%s"' "${u%%:*}" "${u#*:}"
	done
}

configure() {
	local i id voters='' listeners advertised bootstrap='' sasl='' encrypted='' port=() client=() secret=() control=()
	for ((i = 1; i <= nodes; i++)); do
		free_port && port[i]=$ret_port
		free_port && control[i]=$ret_port
		free_port && client[i]=$ret_port
		free_port && secret[i]=$ret_port
		voters+=${voters:+,}$i@127.0.0.1:${control[i]}
		bootstrap+=${bootstrap:+,}127.0.0.1:${port[i]}
		sasl+=${sasl:+,}127.0.0.1:${client[i]}
		encrypted+=${encrypted:+,}127.0.0.1:${secret[i]}
	done
	for ((i = 1; i <= nodes; i++)); do
		mkdir -p "$dir/node-$i"
		advertised=PLAINTEXT://127.0.0.1:${port[i]}
		[ ${#users[@]} -eq 0 ] || advertised+=,SASL://127.0.0.1:${client[i]}
		[ -z "$tls" ] || advertised+=,TLS://127.0.0.1:${secret[i]}
		listeners=$advertised,CONTROLLER://127.0.0.1:${control[i]}
		{
			sed -e "s|@NODE@|$i|; s|@VOTERS@|$voters|; s|@LISTENERS@|$listeners|; s|@ADVERTISED@|$advertised|" \
				-e "s|@DATA@|$dir/node-$i/data|; s|@COPIES@|$nodes|; s|@MIN_ISR@|$min_isr|" "$here/kafka/node.properties"
			if [ ${#users[@]} -gt 0 ]; then
				while IFS= read -r line; do printf '%s\n' "${line/@USERS@/$(users_text)}"; done <"$here/kafka/sasl.properties"
			fi
			[ -z "$tls" ] || printf 'listener.name.tls.ssl.keystore.%s\n' type=PEM "location=$tls"
			[ ${#settings[@]} -eq 0 ] || printf '%s\n' "${settings[@]}"
		} >"$dir/node-$i/properties"
	done
	# a random id in Kafka's form; one that began with - would be taken for an option
	id=q$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | cut -c 2-21)A
	for i in $(all_nodes); do
		"${java[@]}" kafka.tools.StorageTool format -t "$id" -c "$dir/node-$i/properties" >"$dir/node-$i/format.log" 2>&1 </dev/null ||
			{ cat "$dir/node-$i/format.log" >&2 && die "node $i cannot be made"; }
	done
	[ ${#users[@]} -eq 0 ] || echo "$sasl" >"$dir/sasl"
	[ -z "$tls" ] || echo "$encrypted" >"$dir/tls"
	echo "$bootstrap" >"$dir/bootstrap"
}

# Leaves nothing of ours open in what stays behind: whoever reads our output must see its end.
launch() {
	local i=$1
	[ ! -e "$dir/node-$i/log" ] || mv "$dir/node-$i/log" "$dir/node-$i/log.before"
	setsid "${java[@]}" kafka.Kafka "$dir/node-$i/properties" >"$dir/node-$i/log" 2>&1 </dev/null 9>&- &
	echo $! >"$dir/node-$i/pid"
}

# 0: answers; 1: gone; 2: a port was taken by somebody else.
wait_started() {
	local i=$1 left=1200
	until grep -q 'Kafka Server started' "$dir/node-$i/log" 2>/dev/null; do
		if ! pid_of "$i" >/dev/null; then
			sleep 0.3 # exec of java, right after the fork
			pid_of "$i" >/dev/null || return $((1 + $(grep -c -m 1 'Address already in use' "$dir/node-$i/log" || true)))
		fi
		[ $((left--)) -gt 0 ] || { say "node $i does not answer within 2 minutes" && return 1; }
		sleep 0.1
	done
}

start_nodes() {
	local i status=0
	for i in "$@"; do
		pid_of "$i" >/dev/null || launch "$i"
	done
	for i in "$@"; do
		wait_started "$i" || { status=$? && break; }
	done
	[ $status -eq 0 ] || { tail -n 20 "$dir/node-$i/log" >&2 || true; end_nodes KILL "$@"; }
	return $status
}

end_nodes() {
	local signal=$1 i pid left
	shift
	for i in "$@"; do
		if pid=$(pid_of "$i"); then kill "-$signal" "$pid" 2>/dev/null || true; fi
	done
	for i in "$@"; do
		left=100
		while pid=$(pid_of "$i"); do
			# nodes that stop together have nobody to take over from them, and would wait long
			[ $((left--)) -gt 0 ] || kill -KILL "$pid" 2>/dev/null || true
			sleep 0.1
		done
		rm -f "$dir/node-$i/pid"
	done
}

started_at() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20; }

# Ends the nodes when whoever wanted them is gone, or its time is over, or DIR is. A process of its own; a later start has
# another one, and a stop takes its file away.
watch() {
	local born='' until=$((SECONDS + seconds)) file
	[ -z "$with_pid" ] || born=$(started_at "$with_pid") || true
	echo $$ >"$dir/watch"
	while [ "$(cat "$dir/watch" 2>/dev/null)" = $$ ]; do
		[ -z "$with_pid" ] || [ "$(started_at "$with_pid")" = "$born" ] || break
		[ "$seconds" -eq 0 ] || [ $SECONDS -lt $until ] || break
		sleep 1
	done
	[ ! -e "$dir/watch" ] || [ "$(cat "$dir/watch")" = $$ ] || return 0
	[ -e "$dir/watch" ] || [ ! -e "$dir" ] || return 0
	# DIR may be gone, and with it the files with their numbers
	for file in /proc/[0-9]*/cmdline; do
		case $(tr '\0' ' ' <"$file" 2>/dev/null) in
		java*" kafka.Kafka $dir/node-"[123]/properties*) kill -KILL "$(cut -d / -f 3 <<<"$file")" 2>/dev/null || true ;;
		esac
	done
	rm -f "$dir/watch" "$dir"/node-*/pid
}

start() {
	local tries=3 status
	[ -e "$dir/bootstrap" ] || rm -rf "$dir"/node-* # half made
	if [ -z "$(all_nodes)" ]; then
		nodes=${nodes:-1}
		case $nodes in 1 | 3) ;; *) die "--nodes is 1 or 3" ;; esac
		min_isr=${min_isr:-$(((nodes + 1) / 2))}
		configure
	else
		tries=0 # with ports that others know already
	fi
	if [ -n "$with_pid" ] || [ "$seconds" -gt 0 ]; then
		[ -z "$with_pid" ] || [ -e "/proc/$with_pid" ] || die "there is no process $with_pid"
		setsid "$here/local-kafka.sh" watch --dir "$dir" --for "$seconds" ${with_pid:+--with-pid "$with_pid"} \
			>/dev/null 2>&1 </dev/null 9>&- &
	fi
	trap 'end_nodes KILL $(all_nodes); rm -f "$dir/watch"' EXIT
	trap 'exit 130' INT TERM HUP
	while true; do
		status=0
		# shellcheck disable=SC2046 # a list of numbers
		start_nodes $(all_nodes) || status=$?
		if [ $status -ne 2 ] || [ $((tries--)) -le 0 ]; then break; fi
		say "a port was taken meanwhile: others"
		rm -rf "$dir"/node-*
		configure
	done
	[ $status -eq 0 ] || exit 1
	trap - EXIT
	cat "$dir/bootstrap"
}

tool() {
	local class=${names[0]-}
	case $class in
	topics) class=org.apache.kafka.tools.TopicCommand ;;
	configs) class=kafka.admin.ConfigCommand ;;
	acls) class=org.apache.kafka.tools.AclCommand ;;
	groups) class=org.apache.kafka.tools.consumer.group.ConsumerGroupCommand ;;
	*.*) ;;
	*) usage ;;
	esac
	class_path
	exec "${java[@]}" "$class" --bootstrap-server "$(cat "$dir/bootstrap")" "${names[@]:1}"
}

dir=$(realpath -m "$dir") cache=$(realpath -m "$cache") taken=''
case $dir in *[!A-Za-z0-9/._+-]*) die "the folder $dir: only letters, digits and . _ + - / are understood" ;; esac
case $seconds in '' | *[!0-9]*) die "--for takes a number of seconds" ;; esac
for u in ${users[@]+"${users[@]}"}; do
	case $u in [A-Za-z0-9]*:?*) ;; *) die "--user takes NAME:PASSWORD" ;; esac
	case $u in *[\"\\\ \;@]*) die "--user: a name or password with \" \\ ; @ or a blank is not understood" ;; esac
done
if [ "$command" = watch ]; then
	watch
	exit 0
elif [ "$command" = start ]; then
	[ ${#names[@]} -eq 0 ] || usage
	mkdir -p "$dir"
else
	case $command in
	stop | kill) [ -e "$dir/bootstrap" ] || exit 0 ;;
	*) [ -e "$dir/bootstrap" ] || die "there is no Kafka in $dir" ;;
	esac
fi
[ "$command" = tool ] && tool

# one at a time in DIR
exec 9>"$dir/lock"
flock 9
known=$(all_nodes)
for i in ${names[@]+"${names[@]}"}; do
	grep -qxF "$i" <<<"$known" || die "there is no node $i in $dir"
done
some=${names[*]:-$known}
case $command in
start)
	class_path
	start
	;;
stop | kill)
	[ ${#names[@]} -gt 0 ] || rm -f "$dir/watch"
	# shellcheck disable=SC2086 # a list of numbers
	if [ "$command" = stop ]; then end_nodes TERM $some; else end_nodes KILL $some; fi
	;;
restart)
	class_path
	# shellcheck disable=SC2086 # a list of numbers
	end_nodes TERM $some
	# shellcheck disable=SC2086 # a list of numbers
	start_nodes $some || exit 1
	;;
esac
