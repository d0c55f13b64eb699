#!/usr/bin/env bash
# Runs tests/stress/threads.py and outside_races.py with the library and the C extension under ThreadSanitizer.
#
#     tests/stress/tsan.sh [PYTHON [SECONDS [PROGRAM...]]]
#
# PYTHON is a free-threaded interpreter (python3.13t by default), which need not be instrumented itself. Needs gcc
# with its ThreadSanitizer runtime, and a Rust toolchain. Everything made lands in build/tsan/.
#
# The interpreter's own synchronization is invisible to the tool, because only what is instrumented is watched. Two
# things would be reported as races that are none, so the linker wraps them: its mutexes, whose order tsan_shim.c tells
# the tool, and its allocator, in whose place the shim puts malloc, which the tool knows. For the same reason the threads
# of the program meet at a barrier of pthreads. What the interpreter itself does unseen is not looked at:
# tsan_suppressions.txt says what and why.
set -euo pipefail
unset CDPATH
cd -- "$(dirname -- "$(readlink -f -- "$0")")/../.."
python=${1:-python3.13t}
seconds=${2:-60}
programs=("${@:3}")
[ ${#programs[@]} -gt 0 ] || programs=(threads outside_races)
# A relative path, of which nothing has to be quoted, whatever folder this is in.
out=build/tsan
mkdir -p "$out/site/_pyawaitable"

target=$(rustc -vV | sed -n 's/^host: //p')
include=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
suffix=$("$python" -c 'import sysconfig; print(sysconfig.get_config_var("EXT_SUFFIX"))')
gil=$("$python" -c 'import sysconfig; print(sysconfig.get_config_var("Py_GIL_DISABLED") or 0)')
if [ "$gil" != 1 ]; then
    echo "$python has a GIL: there is nothing to watch" >&2
    exit 2
fi
# clang's runtime does not survive being loaded into an interpreter that is not instrumented (14.0.6).
runtime=$(readlink -f "$(gcc -print-file-name=libtsan.so)")
[ -e "$runtime" ] || { echo "gcc has no ThreadSanitizer runtime here" >&2; exit 2; }

wrapped=(PyMutex_Lock PyMutex_Unlock PyMem_Malloc PyMem_Realloc PyMem_Free)
flags="-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer -Cforce-frame-pointers=yes -Cdebuginfo=1"
for name in "${wrapped[@]}"; do flags+=" -Clink-arg=-Wl,--wrap=$name"; done
gcc -O1 -g -fPIC -fsanitize=thread -Wall -Wextra -Werror -c tests/stress/tsan_shim.c -o "$out/shim.o"
flags+=" -Clink-arg=$out/shim.o"
# cargo does not see it change.
rm -f "$out/target/$target/extension/libpyawaitable.so"

# Sanitizers are unstable in Rust, which a stable compiler has, too, when it is asked like this. The library alone is
# built with them, or the procedural macros that the compiler itself loads would need the runtime.
export RUSTC_BOOTSTRAP=1 PYO3_PYTHON="$python" CARGO_TARGET_DIR="$out/target" CARGO_PROFILE_EXTENSION_STRIP=none
export PYO3_BUILD_EXTENSION_MODULE=1 UNSAFE_PYO3_SKIP_VERSION_CHECK=1
cargo rustc --quiet --profile extension --lib --target "$target" --crate-type cdylib --config \
    "target.$target.rustflags=[$(printf "'%s'," $flags | sed 's/,$//')]" -- -Cstrip=none

cp "$out/target/$target/extension/libpyawaitable.so" "$out/site/_pyawaitable/__init__$suffix"
gcc -O1 -g -fPIC -shared -fsanitize=thread -pthread -I"$include" -Iinclude tests/stress/racer/*.c \
    -o "$out/site/racer$suffix"

echo "$("$python" -VV); $(gcc --version | head -1)"
export TSAN_OPTIONS="suppressions=tests/stress/tsan_suppressions.txt ignore_noninstrumented_modules=1 history_size=4 exitcode=66 ${TSAN_OPTIONS:-}"
# Without address randomization, which the runtime cannot always arrange itself with.
for program in "${programs[@]}"; do
    LD_PRELOAD=$runtime PYTHON_GIL=0 PYTHONPATH=$out/site setarch -R "$python" "tests/stress/$program.py" --seconds "$seconds" --seed "${SEED:-1}"
done
