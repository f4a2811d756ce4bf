#!/bin/sh
# Makes .venv at the root with all that the product, its tests and its demo need.
# Run by make whenever a list of packages is newer than .venv/.installed; touches nothing outside .venv.
set -eu
cd "$(dirname "$0")/.."

give_up() {
    printf '\n%s\n' "$1" >&2
    exit 1
}

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    for candidate in ${PYTHON_FOR_VENV:-python3 python3.13 python3.12 python3.11 python3.14}; do
        if command -v "$candidate" >/dev/null 2>&1 && new_enough "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
}

if ! new_enough .venv/bin/python; then
    python=$(find_python)
    if [ -z "$python" ]; then
        give_up "Python 3.11 or newer is needed and was not found on the PATH (python3 is $(python3 --version 2>&1 || echo missing)).
Install it (Debian, Ubuntu: apt install python3 python3-venv; macOS: brew install python@3.12; or https://www.python.org),
or name one: make PYTHON_FOR_VENV=/path/to/python3.12 demo"
    fi
    if ! "$python" -c 'import venv, ensurepip' >/dev/null 2>&1; then
        give_up "$python comes without its venv or ensurepip module, which make a virtual environment.
Debian and Ubuntu keep them in a package of their own: apt install python3-venv"
    fi
    echo "Setting up .venv with $("$python" --version) (once)"
    "$python" -m venv --clear .venv || give_up "$python could not make the virtual environment in $PWD/.venv; its message is above."
fi

# Without a home folder pip would put its cache at the root of the disk.
if [ -z "${HOME:-}" ] || [ ! -w "$HOME" ]; then
    export PIP_NO_CACHE_DIR=1
fi
export PIP_DISABLE_PIP_VERSION_CHECK=1

echo "Installing the packages into .venv (about a minute; only when their list has changed)"
.venv/bin/python - >.venv/requirements.txt <<'PYTHON'
import tomllib

with open("pyproject.toml", "rb") as file:
    extras = tomllib.load(file)["project"]["optional-dependencies"]
print("\n".join(requirement for extra in extras.values() for requirement in extra))
PYTHON
.venv/bin/python -m pip install --quiet -r requirements.txt -r .venv/requirements.txt -c constraints.txt ||
    give_up "The packages could not be installed; pip's own message is above.
Behind a firewall, name your package mirror: PIP_INDEX_URL=https://... make demo"
local_stack/setup_environment.sh local_stack/tasks-emulator.txt ||
    echo "The Cloud Tasks emulator could not be installed; everything but its tests works without it." >&2
touch .venv/.installed
