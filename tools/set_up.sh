#!/bin/sh
# Makes the virtual environment .venv and installs what is needed, exactly pinned: `tools/set_up.sh live|test`.
# Does nothing, in no time, if that has been done before. Needs Python 3.11 to 3.13 and nothing else.
set -eu
cd "$(dirname "$0")/.."
wanted=${1:-live}

find_python() {
    for name in ${PYTHON:-} python3.13 python3.12 python3.11 python3 python; do
        if command -v "$name" >/dev/null 2>&1 &&
            "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    echo "genrescope: no Python 3.11, 3.12 or 3.13 was found: TensorFlow needs one of these. Install one (apt install python3 python3-venv), or name it: make PYTHON=/path/to/python3.12 play" >&2
    exit 1
}

requirements=requirements/live-cpu.txt
if [ "$wanted" = live ] && [ "$(uname -s)" = Linux ] && nvidia-smi >/dev/null 2>&1; then
    requirements=requirements/live-gpu.txt
fi
[ "$wanted" = test ] && requirements=requirements/test.txt

stamp=.venv/.set-up-$wanted
# The test environment holds everything the live one needs.
for done_stamp in "$stamp" .venv/.set-up-test; do
    if [ -f "$done_stamp" ] && [ -x .venv/bin/genrescope ]; then
        list=$requirements
        [ "$done_stamp" = .venv/.set-up-test ] && list=requirements/test.txt
        if [ "$(cat "$done_stamp")" = "$(cat "$list" setup.cfg | cksum)" ]; then
            exit 0
        fi
    fi
done

python=$(find_python)
echo "Setting up genrescope in .venv (once; about half a gigabyte is downloaded) ..." >&2
if [ ! -x .venv/bin/python ]; then
    rm -rf .venv
    "$python" -m venv .venv || {
        echo "genrescope: the virtual environment could not be made. On Debian and Ubuntu: apt install python3-venv" >&2
        exit 1
    }
fi
.venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement "$requirements"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
cat "$requirements" setup.cfg | cksum >"$stamp"
.venv/bin/python tools/check_machine.py
