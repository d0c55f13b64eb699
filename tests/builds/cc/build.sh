#!/bin/sh
# usage: build.sh PACKAGE PYTHON, with PACKAGE as pkg-config knows it
set -eu
package=$1
python=$2
headers=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
suffix=$("$python" -c 'import sysconfig; print(sysconfig.get_config_var("EXT_SUFFIX"))')
# Where a shared library is, when it is not in a folder that the system searches.
rpath=
if libdir=$(pkg-config --variable=libdir "$package") && [ -n "$libdir" ]; then
    rpath="-Wl,-rpath,$libdir"
fi
# The flags are several words.
# shellcheck disable=SC2046
cc -shared -fPIC -O2 -Wall -Wextra -Werror -I"$headers" $(pkg-config --cflags "$package") adder.c \
    -o "adder$suffix" $(pkg-config --libs "$package") $rpath
