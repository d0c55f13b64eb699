"""No code path that the API can reach contains a panic: none of Rust's machinery for it is linked."""

import shutil
import subprocess
import sys

import pytest

import _pyawaitable

EXTENSION = _pyawaitable.__file__


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or shutil.which("ld.bfd") is None,
    reason="only GNU's linker drops what cannot be reached, as build.rs says",
)
def test_extension_module_links_no_panic():
    symbols = subprocess.run(["nm", EXTENSION], check=True, capture_output=True, text=True).stdout.splitlines()
    names = [line.split()[-1] for line in symbols]
    assert any("11pyawaitable" in name for name in names), "the symbols are stripped"
    assert [name for name in names if "panic" in name] == []
