"""The tables and the plot of docs/benchmarks, made from all the JSON files there."""

import json
import re

import cases

NAMES = cases.CONTENDERS

# ---- Targets -------------------------------------------------------------------------------------

NESTED = {"deep50", "deep50value"}
# What goes through many levels is reported, and has no target.
THROUGH = {"yield10", "yield50", "alternate10", "alternate50"}
YIELDED = THROUGH | {"yield1"}
BYTES = 112


def ratio(nanoseconds, name):
    """The ratio to native, or None for a contender without the case."""
    return nanoseconds[name] / nanoseconds["native"] if name in nanoseconds else None


def limit(case, floor):
    """How much of native's time this library may take, if there is a target."""
    if case in THROUGH or floor is None:
        return None
    if case == "collect":
        return 1.0
    if case in NESTED:
        return max(0.65, 1.15 * floor)
    # As it is shown: a reader can check the target.
    return 1.0 if round(floor, 2) <= 0.9 else 1.1 * floor


def limit_of_bodies(case, floor, python):
    """The same for a body, on this version of Python."""
    if case == "items":
        return 1.05 if python <= (3, 11) else 1.1 * floor
    if case in THROUGH or floor is None:
        return None
    return 1.0 if round(floor, 2) <= 0.95 else 1.1 * floor


def lead(case):
    """How many times slower than this library the original should be, if there is a target."""
    if case in YIELDED or case == "collect":
        return None
    return 2.0 if case == "each50" else 2.5


def met(value, target, at_least=False):
    """For a table: whether a figure, as it is shown, meets its target."""
    value, target = round(value, 2), round(target, 2)
    return "✓" if (value >= target if at_least else value <= target) else "✗"


# ---- Tables --------------------------------------------------------------------------------------


def table(head, rows):
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def times(number):
    return "-" if number is None else f"{number:.2f}x"


def with_target(figure, most):
    """A figure, and its target."""
    target = "" if figure is None or most is None else f"≤ {most:.2f}x {met(figure, most)}"
    return [f"**{times(figure)}**", target]


def case_row(name, case, python):
    nanoseconds = case["ns"]
    ours, body, floor, original = (ratio(nanoseconds, who) for who in ("ours", "bodies", "floor", "original"))
    behind, least = "-", lead(name)
    if original is not None:
        behind = times(original / ours)
        if least is not None:
            behind += f" {met(original / ours, least, at_least=True)}"
    figures = [f"{nanoseconds['native']:.0f} ns", *with_target(ours, limit(name, floor))]
    figures += with_target(body, limit_of_bodies(name, floor, python))
    figures += [times(floor), times(ratio(nanoseconds, "cython")), times(original), behind]
    return [f"{case['title']} (`{name}`)", *figures]


def case_table(found):
    head = ["", "async def", "callbacks", "target", "a body", "target", "floor", "Cython", "original", "original / callbacks"]
    return table(head, [case_row(name, case, version_of(found)) for name, case in found["cases"].items()])


def reasons(found):
    told = {}
    for name, case in found["cases"].items():
        for who, why in case["unable"].items():
            told.setdefault((who, why), []).append(f"`{name}`")
    for (who, why), names in told.items():
        yield f"The {NAMES[who]} cannot do {', '.join(names)}: {why}."


MEASURED_BYTES = {
    "one await": "bytes of a pending object with one await and a callback",
    "first step": "... more with its first step",
    "20 saved values": "bytes of one with 20 saved values",
    "50 awaits": "bytes of one with 50 awaits queued",
}


def other_figures(found):
    """Bytes and start-up."""
    sizes, start_up = found["bytes"], found["start-up"]
    order = [name for name in ("native", "ours", "bodies", "floor", "cython", "original") if name in sizes]
    targets = {"one await": f"≤ {BYTES} {met(sizes['ours']['one await'], BYTES)}"}
    rows = [[title, *(str(sizes[name][key]) for name in order), targets.get(key, "")] for key, title in MEASURED_BYTES.items()]
    rows.append(["import of an extension, with its Init, µs", *(str(start_up[name]) for name in order), ""])
    return table(["", *(NAMES[name] for name in order), "target"], rows)


def asgi_table(found):
    if "left out" in found["asgi"]:
        yield f"The web application was left out: {found['asgi']['left out']}."
        return
    head = ["the web application, in C / in Python", "requests/s", "p50", "p90", "p99"]
    rows = []
    for title, sides in found["asgi"].items():
        compared = [sides["ours"][key] / sides["native"][key] for key in head[1:]]
        rows.append([f"{title} ({sides['native']['requests/s']:.0f}/s in Python)", *map(times, compared)])
    yield from table(head, rows)


def tables(found):
    """Everything for one interpreter."""
    yield from case_table(found)
    yield from ["", *reasons(found)]
    if "bytes" in found:
        yield from ["", *other_figures(found), "", *asgi_table(found)]


def version_of(found):
    """(3, 13), for example."""
    return tuple(int(part) for part in found["python"].split(".")[:2])


def overview(all_found, who):
    """Callbacks or bodies alone, on all interpreters."""
    names = {name: case["title"] for found in all_found for name, case in found["cases"].items() if who in case["ns"]}

    def cell(found, name):
        nanoseconds = found["cases"][name]["ns"] if name in found["cases"] else {}
        if who not in nanoseconds:
            return "-"
        ours, floor = ratio(nanoseconds, who), ratio(nanoseconds, "floor")
        most = limit(name, floor) if who == "ours" else limit_of_bodies(name, floor, version_of(found))
        return f"{ours:.2f}x" + ("" if most is None else f" {met(ours, most)}")

    head = [f"{OVERVIEWS[who]} / async def", *(found["python"] for found in all_found)]
    rows = [[title, *(cell(found, name) for found in all_found)] for name, title in names.items()]
    return table(head, rows)


OVERVIEWS = {"ours": "callbacks", "bodies": "a body"}


INTRODUCTION = """\
# Benchmarks

Generated by `make bench` from the JSON files beside this page. All times are ratios to what `async def` takes for the
same operation in the same process: less than 1.00x is faster than `async def`.

![How long an operation takes, compared with async def](speed.png)

- *callbacks*: `benches/awaitables.c` over the library as its wheel is published.
- *a body*: `benches/bodies.c`, the same jobs written straight down.
- *original*: the C file with callbacks, compiled with PyAwaitable 2.0.1 from PyPI.
- *Cython*: `benches/contender_native.py`, which is the `async def`, compiled by Cython.
- *floor*: `benches/contender_floor.c`, the least that a C type written for the one job can do, with a free list and, from
  3.12 to 3.14, where `await` takes values from C types as a StopIteration only, one that is kept and used again.

The contenders take turns in one process, in shuffled order; each figure is the least of 25 samples of 20 ms or more of
processor time, with the garbage collector off. An operation is measured whole, as a caller sees it: the coroutine that it
awaits is made in it, too.

Targets: where the floor is at most 0.90x, at most 1.00x; elsewhere at most 1.10 times the floor; for nested awaitables at
most 0.65x, or 1.15 times the floor where that is more; the original at least 2.5 times as slow, 2 times for 50 awaits in
one object. For a body: where the floor is at most 0.95x, at most 1.00x; elsewhere at most 1.10 times the floor; for items
of a generator at most 1.05x up to 3.11, later 1.10 times the floor. What is yielded through many levels has no target.
✓ is met, ✗ is not; [why](targets.md). With an event loop, most of the time is the loop's own, and the same for all.
"""


def where(found):
    machine = found["machine"]
    versions = ", ".join(f"{name} {value}" for name, value in found["versions"].items() if value)
    yield f"{machine['processor']}, {machine['processors']} processors, {machine['system']}."
    built = "built with a profile (`make PGO=1`)" if found["profiled"] else "built without a profile"
    yield f"Python {found['python']}, {found['compiler']}; this library {built}; {versions}."


def page(all_found):
    yield INTRODUCTION
    if len(all_found) > 1:
        yield from ["## All interpreters", ""]
        for who in OVERVIEWS:
            yield from [*overview(all_found, who), ""]
    for found in all_found:
        yield from [f"## Python {found['python']}", "", *where(found), "", *tables(found), ""]


# ---- Plot ----------------------------------------------------------------------------------------

# Enough to tell the story; the table has all.
SHOWN = {
    "empty": "create and await an empty one",
    "returns": "return a value at once",
    "value": "await a coroutine, return its value",
    "saved3": "… with 3 saved values",
    "error": "handle an exception",
    "block": "async with",
    "each50": "50 awaits in one object",
    "chain": "10,000 awaits, one after the other",
    "deep50value": "50 deep",
    "cancel10": "cancel through 10 levels",
    "task": "asyncio.create_task",
    "gather": "asyncio.gather of 10,000",
}
COLOURS = {"ours": "#1f6fb2", "floor": "#9aa3ab", "cython": "#c79a2b", "original": "#b5483a"}


def mean(numbers):
    """Geometric, as ratios want it."""
    product = 1.0
    for number in numbers:
        product *= number
    return product ** (1 / len(numbers))


def draw_case(axes, row, all_found, name):
    """A line of its own for each contender, so that none hides another."""
    for position, (who, colour) in enumerate(COLOURS.items()):
        ratios = [ratio(found["cases"][name]["ns"], who) for found in all_found if name in found["cases"]]
        ratios = [one for one in ratios if one is not None]
        if not ratios:
            continue
        height = -row + 0.27 - 0.18 * position
        axes.plot([min(ratios), max(ratios)], [height] * 2, color=colour, alpha=0.4, linewidth=2)
        axes.plot([mean(ratios)], [height], "o", color=colour, markersize=8 if who == "ours" else 5)


def draw_frame(axes, shown):
    axes.set_yticks([-row for row in range(len(shown))], [SHOWN[name] for name in shown])
    axes.set_ylim(-len(shown) + 0.4, 0.6)
    axes.set_xscale("log")
    axes.set_xticks([0.25, 0.5, 1, 2, 4, 8], ["¼", "½", "async def", "2x", "4x", "8x"])
    axes.minorticks_off()
    axes.axvline(1, color="black", linewidth=1.2, zorder=1)
    axes.axvspan(axes.get_xlim()[0], 1, color="#1f6fb2", alpha=0.06, linewidth=0, zorder=0)
    axes.margins(x=0)
    axes.grid(axis="x", color="#dddddd")
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0)


def explanation(all_found):
    versions = [found["python"].rsplit(".", 1)[0] for found in all_found]
    if len(versions) == 1:
        return f"Time per operation on CPython {versions[0]}; further left is faster"
    over = f"CPython {versions[0]} to {versions[-1]}"
    return f"Time per operation on {over}: a dot is the geometric mean, a line the range; further left is faster"


def plot(all_found, folder):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as pyplot

    # The same picture from the same figures.
    matplotlib.rcParams["svg.hashsalt"] = "benchmarks"
    shown = [name for name in SHOWN if any(name in found["cases"] for found in all_found)]
    figure, axes = pyplot.subplots(figsize=(9, 0.5 * len(shown) + 1.7), layout="constrained")
    for row, name in enumerate(shown):
        draw_case(axes, row, all_found, name)
    draw_frame(axes, shown)
    for who, colour in COLOURS.items():
        label = "hand-written C type (floor)" if who == "floor" else NAMES[who]
        axes.plot([], [], "o", color=colour, label=label)
    figure.suptitle("Awaitables of C extensions, compared with async def", fontsize=13, fontweight="bold")
    figure.legend(*axes.get_legend_handles_labels(), ncols=len(COLOURS), loc="outside lower center", frameon=False)
    axes.set_title(explanation(all_found), fontsize=9, loc="right")
    figure.savefig(folder / "speed.png", dpi=150, metadata={"Software": None})
    figure.savefig(folder / "speed.svg", metadata={"Date": None})
    pyplot.close(figure)


# ---- All of it -----------------------------------------------------------------------------------


def in_order(path):
    """py39 before py310."""
    return [int(number) for number in re.findall(r"py3(\d+)", path.stem)], path.stem


def write(folder):
    paths = sorted(folder.glob("py*.json"), key=in_order)
    all_found = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    (folder / "README.md").write_text("\n".join(page(all_found)), encoding="utf-8")
    try:
        plot(all_found, folder)
    except ImportError:
        print("no plot: matplotlib is not there")
        return
    print(f"see {folder}: README.md, speed.png, speed.svg")
