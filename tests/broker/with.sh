#!/bin/bash
# with.sh -- runs a command with a real broker: QIDFLOW_TEST_KAFKA is its address, QIDFLOW_TEST_KAFKA_SASL the one where
# users and their rights count (some:some-password, none:none-password).
#
#   tests/broker/with.sh COMMAND ARG…
#
# In ctest the broker is the fixture's (QIDFLOW_BROKER: its folder). By hand one is started, and ended afterwards.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
if [ -n "${QIDFLOW_BROKER-}" ]; then
	QIDFLOW_TEST_KAFKA=$(cat "$QIDFLOW_BROKER/bootstrap") QIDFLOW_TEST_KAFKA_SASL=$(cat "$QIDFLOW_BROKER/sasl")
	export QIDFLOW_TEST_KAFKA QIDFLOW_TEST_KAFKA_SASL
	exec "$@"
fi
folder=$(mktemp -d)
trap '"$here/../../compose/local-kafka.sh" kill --dir "$folder/kafka"; rm -rf "$folder"' EXIT
QIDFLOW_BROKER_OWNER=$$ "$here/start.sh" "$folder/kafka" >/dev/null
QIDFLOW_TEST_KAFKA=$(cat "$folder/kafka/bootstrap") QIDFLOW_TEST_KAFKA_SASL=$(cat "$folder/kafka/sasl")
export QIDFLOW_TEST_KAFKA QIDFLOW_TEST_KAFKA_SASL
"$@"
