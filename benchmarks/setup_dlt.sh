#!/bin/sh
# Makes .venv/dlt, the environment of the comparison with dlt; does nothing when it is there and up to date.
set -eu
cd "$(dirname "$0")/.."
packages=benchmarks/dlt.txt
home=.venv/dlt

if cmp -s "$packages" "$home/installed.txt"; then
    exit 0
fi
echo "Installing dlt into $home (about 15 seconds, once)"
.venv/bin/python -m venv --clear --without-pip "$home"
PIP_DISABLE_PIP_VERSION_CHECK=1 .venv/bin/python -m pip --python "$home/bin/python" install --quiet -r "$packages"
cp "$packages" "$home/installed.txt"
