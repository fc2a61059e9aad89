#!/bin/sh
# install.sh -- puts the S3 server of the tests (moto, Apache-2.0) into a folder of its own, where it is not there yet.
#
#   tests/s3/install.sh FOLDER
#
# About 20 s and 130 MB the first time. What is imported is compiled now, or each start would take ten seconds.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$1
mkdir -p "$(dirname "$folder")"
exec 9>"$folder.lock" # two builds' tests may want it at the same time
flock 9
[ -f "$folder/requirements.txt" ] && cmp -s "$here/requirements.txt" "$folder/requirements.txt" && exit 0
rm -rf "$folder"
/usr/bin/python3 -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile --requirement "$here/requirements.txt"
env -u PYTHONDONTWRITEBYTECODE "$folder/bin/python" "$here/server.py" --help >"$folder/help"
cp "$here/requirements.txt" "$folder/requirements.txt"
