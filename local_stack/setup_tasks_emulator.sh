#!/bin/sh
# Makes .venv/tasks-emulator, the Cloud Tasks emulator's own environment; does nothing when it is there and up to date.
set -eu
cd "$(dirname "$0")/.."
packages=local_stack/tasks-emulator.txt
home=.venv/tasks-emulator

if cmp -s "$packages" "$home/installed.txt"; then
    exit 0
fi
echo "Installing the Cloud Tasks emulator into $home (about 15 seconds, once)"
.venv/bin/python -m venv --clear --without-pip "$home"
PIP_DISABLE_PIP_VERSION_CHECK=1 .venv/bin/python -m pip --python "$home/bin/python" install --quiet -r "$packages"
cp "$packages" "$home/installed.txt"
