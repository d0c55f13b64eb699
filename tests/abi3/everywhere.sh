#!/usr/bin/env bash
# Compiles the abi3 extension once, with the headers of the first interpreter, and runs it on all.
#
#     tests/abi3/everywhere.sh PYTHON3.9 [PYTHON...]
#
# Each has to have the library, as build/<tag>/venv/bin/python has. An extension that is there already, in
# build/abi3/, is not compiled again: so one machine can make it and another run it. One line for each interpreter.
set -euo pipefail
unset CDPATH
cd -- "$(dirname -- "$(readlink -f -- "$0")")/../.."
extension=build/abi3/pyawaitable_abi3.abi3.so
if [ ! -e "$extension" ]; then
    mkdir -p build/abi3
    include=$("$1" -c 'import sysconfig; print(sysconfig.get_path("include"))')
    "${CC:-cc}" -Wall -Wextra -Werror -O2 -fPIC -shared -DPy_LIMITED_API=0x03090000 -isystem "$include" -Iinclude \
        tests/abi3/*.c -o "$extension"
fi
failed=0
for python; do
    status=0
    "$python" tests/abi3/run.py "$PWD/build/abi3" || status=$?
    # 3 is an interpreter that cannot run it, and has said why
    if [ "$status" != 0 ] && [ "$status" != 3 ]; then
        echo "$python: failed"
        failed=1
    fi
done
exit $failed
