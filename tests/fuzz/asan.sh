#!/usr/bin/env bash
# Runs tests/fuzz with the library and the extension `rawapi` under AddressSanitizer.
#
#     tests/fuzz/asan.sh PYTHON [ARGUMENT...]
#
# PYTHON is that of the virtual environment with the test extensions (make extensions); it need not be instrumented itself:
# with malloc in place of its own allocators every object is watched. The arguments are those of `python -m fuzz`. Needs
# gcc with its AddressSanitizer runtime, and a Rust toolchain. Everything made lands in build/asan/.
#
# What an interpreter keeps until it ends is no leak, so that leaks are not looked for here: the fuzzer counts references.
set -euo pipefail
unset CDPATH
python=$(realpath -s -- "$1")
shift
cd -- "$(dirname -- "$(readlink -f -- "$0")")/../.."
tag=$("$python" -c 'import sysconfig; print(sysconfig.get_config_var("SOABI"))')
# A relative path, of which nothing has to be quoted, whatever folder this is in.
out=build/asan/$tag
mkdir -p "$out/site/_pyawaitable"

target=$(rustc -vV | sed -n 's/^host: //p')
include=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
suffix=$("$python" -c 'import sysconfig; print(sysconfig.get_config_var("EXT_SUFFIX"))')
runtime=$(readlink -f "$(gcc -print-file-name=libasan.so)")
[ -e "$runtime" ] || { echo "gcc has no AddressSanitizer runtime here" >&2; exit 2; }

# Sanitizers are unstable in Rust, which a stable compiler has, too, when it is asked like this. The library alone is
# built with them, or the procedural macros that the compiler itself loads would need the runtime.
flags="'-Zsanitizer=address','-Cforce-frame-pointers=yes','-Cdebuginfo=1'"
RUSTC_BOOTSTRAP=1 PYO3_PYTHON="$python" CARGO_TARGET_DIR="$out/target" PYO3_BUILD_EXTENSION_MODULE=1 CARGO_PROFILE_EXTENSION_STRIP=none \
    cargo rustc --quiet --profile extension --lib --target "$target" --crate-type cdylib \
    --config "target.$target.rustflags=[$flags]" -- -Cstrip=none
cp "$out/target/$target/extension/libpyawaitable.so" "$out/site/_pyawaitable/__init__$suffix"
gcc -O1 -g -fPIC -shared -fsanitize=address -fno-omit-frame-pointer -UNDEBUG -I"$include" -Iinclude \
    tests/ext/rawapi/*.c -o "$out/site/rawapi$suffix"

# The number of the episode that is under way is in a file, for the run after a crash to begin with.
export ASAN_OPTIONS="detect_leaks=0 exitcode=66 ${ASAN_OPTIONS:-}"
export PYTHONMALLOC=malloc PYTHONPATH=$out/site:tests
# Without address randomization, which the runtime cannot always arrange itself with.
exec env LD_PRELOAD="$runtime" setarch -R "$python" -m fuzz --log "$out/episode" "$@"
