"""The library's settings of cargo bind no other crate of the workspace: there, panics unwind, and libpython may be linked."""

import subprocess
import sys
from pathlib import Path

import pytest
import toml

import _pyawaitable

ROOT = Path(__file__).parent.parent
EXTENSION = _pyawaitable.__file__
# A profile is one of the whole workspace, whichever member's manifest it is in.
CARGOS_OWN = {"dev", "release", "test", "bench"}


def test_profiles_of_cargo_stay_as_they_are():
    profiles = toml.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["profile"]
    assert profiles["extension"]["panic"] == "abort"
    assert CARGOS_OWN & set(profiles) == set()


def test_no_environment_is_set_by_folder():
    """Whoever runs cargo anywhere below would have it, too, and could not take it away."""
    configured = [path for name in ("config", "config.toml") for path in ROOT.glob(f".cargo/{name}")]
    assert [path for path in configured if "env" in toml.loads(path.read_text(encoding="utf-8"))] == []


def test_maturin_takes_that_profile():
    assert toml.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["maturin"]["profile"] == "extension"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks readelf")
def test_extension_module_brings_no_libpython():
    dynamic = subprocess.run(["readelf", "-d", EXTENSION], check=True, capture_output=True, text=True).stdout
    assert "libc.so" in dynamic
    assert "libpython" not in dynamic
