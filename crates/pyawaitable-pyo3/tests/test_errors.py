"""What the macros say of what they do not take: the compiler checks small files against the crate that the tests have built."""

import json
import re
import subprocess

import pytest

BEGIN = "use pyawaitable_pyo3::{pyfunction, pymethods};\nuse pyo3::prelude::*;\n"

FUNCTIONS = {
    "#[pyfunction(detach, stream)]\nasync fn f() -> Items { todo!() }": "`stream` does not go with `detach`, `local`, `shield`",
    "#[pyfunction(local, shield)]\nasync fn f() {}": "`local` does not go with `detach`, `shield` or `spawn`",
    "#[pyfunction(spawn, detach)]\nasync fn f() {}": "`spawn` does not go with `detach` or `tokio`",
    "#[pyfunction(detach = 1)]\nasync fn f() {}": "`detach` takes no value",
    "#[pyfunction(detach)]\nfn f() {}": "`detach` is for an `async fn`",
    "#[pyfunction]\nasync fn f((a, b): (i32, i32)) {}": "a parameter that Python code can pass needs a name",
    "#[pyfunction]\nasync fn f() { let rc = std::rc::Rc::new(()); std::future::ready(()).await; drop(rc); }": (
        "future cannot be sent between threads safely"
    ),
    "#[pyfunction]\nasync fn f() -> Kind { Kind }\npub struct Kind;": "`Kind` cannot be converted to a Python object",
}

METHODS = {
    "#[coroutine]\nfn f(&self) {}": r"`#\[coroutine\]` is for an `async fn`, or for what returns a stream",
    "#[coroutine(quickly)]\nasync fn f(&self) {}": "expected `detach`, `local`, `shield`, `spawn`, `stream` or `tokio`",
    "async fn f(self) {}": "a method takes `&self` or `&mut self`",
}


@pytest.fixture(scope="module")
def check(macros, cargo_build, tmp_path_factory):
    """Checks a file, and returns the errors."""
    printed, target = cargo_build("macros", "--message-format=json")
    artifacts = [json.loads(line) for line in printed.splitlines()]
    files = {each["target"]["name"]: each["filenames"] for each in artifacts if each["reason"] == "compiler-artifact"}

    def check(text):
        file = tmp_path_factory.mktemp("errors") / "lib.rs"
        file.write_text(BEGIN + text)
        command = ["rustc", "--edition=2024", "--crate-type=lib", "--emit=metadata", "--out-dir", file.parent]
        command += ["-L", f"dependency={target / 'debug' / 'deps'}"]
        for name in ("pyawaitable_pyo3", "pyo3"):
            [path] = [path for path in files[name] if path.endswith(".rlib")]
            command += ["--extern", f"{name}={path}"]
        return subprocess.run([*command, file], capture_output=True, text=True, check=False)

    return check


def test_what_is_right_is_taken(check):
    checked = check("#[pyfunction(tokio, shield)]\npub async fn f(number: i64) -> i64 { number }")
    assert checked.returncode == 0, checked.stderr


def assert_refused(checked, text):
    assert checked.returncode == 1
    assert re.search(text, checked.stderr), checked.stderr


@pytest.mark.parametrize(("source", "text"), FUNCTIONS.items())
def test_functions(check, source, text):
    assert_refused(check(source), text)


@pytest.mark.parametrize(("source", "text"), METHODS.items())
def test_methods(check, source, text):
    assert_refused(check(f"#[pyclass]\nstruct Class;\n#[pymethods]\nimpl Class {{\n{source}\n}}"), text)
