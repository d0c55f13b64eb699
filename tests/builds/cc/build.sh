#!/bin/sh
# usage: build.sh PACKAGE PYTHON, with PACKAGE as pkg-config knows it
set -eu
package=$1
python=$2
headers=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
suffix=$("$python" -c 'import sysconfig; print(sysconfig.get_config_var("EXT_SUFFIX"))')
# The flags are several words, and what is odd in a path is quoted for a shell: so one has to read them.
eval "set -- $(pkg-config --cflags "$package") adder.c $(pkg-config --libs "$package")"
# Where a shared library is, when it is not in a folder that the system searches.
for word; do
    case $word in
        -L*) set -- "$@" "-Wl,-rpath,${word#-L}" ;;
    esac
done
cc -shared -fPIC -O2 -Wall -Wextra -Werror -I"$headers" "$@" -o "adder$suffix"
