#!/bin/sh
# Makes an environment of its own for packages that do not go with the product's; does nothing when it is there and up
# to date. The list names it: local_stack/tasks-emulator.txt is for .venv/tasks-emulator.
#   local_stack/setup_environment.sh LIST
set -eu
cd "$(dirname "$0")/.."
packages=$1
home=.venv/$(basename "$packages" .txt)

if cmp -s "$packages" "$home/installed.txt"; then
    exit 0
fi
echo "Installing what $packages lists into $home (about 15 seconds, once)"
.venv/bin/python -m venv --clear --without-pip "$home"
PIP_DISABLE_PIP_VERSION_CHECK=1 .venv/bin/python -m pip --python "$home/bin/python" install --quiet -r "$packages"
cp "$packages" "$home/installed.txt"
