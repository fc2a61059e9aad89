#!/bin/bash
# start.sh -- the broker of a build's tests: started by ctest for those that need it, ended by ctest or with it.
#
#   tests/broker/start.sh FOLDER        FOLDER/bootstrap: who may do anything. FOLDER/sasl: users, see below
#
# ctest is our parent. Should it die, the broker ends with it, and after two hours in any case.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
kafka=$here/../../compose/local-kafka.sh
"$kafka" kill --dir "$1"
rm -rf "$1"
# one who may do anything that he is given rights for, one who never gets any
"$kafka" start --dir "$1" --with-pid "${QIDFLOW_BROKER_OWNER:-$PPID}" --for 7200 --user some:some-password --user none:none-password \
	--set group.max.session.timeout.ms=7200000
