"""A test that compares a clock with a bound fails on a slow machine, and says nothing where it passes."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
# The benchmarks measure, and `make bench` says what they find; their own tests hang on no clock either.
MEASURING = {path for path in TESTS.glob("benchmarks/**/*.py") if not path.name.startswith("test_")}
CLOCKS = {"monotonic", "perf_counter", "process_time", "thread_time", "time"}
CLOCKS |= {f"{name}_ns" for name in CLOCKS} | {"clock_gettime", "boottime"}
# What any other function makes of a clock's time is a time no more: a token, a case.
NUMBERS = {
    "abs",
    "all",
    "any",
    "float",
    "int",
    "list",
    "max",
    "min",
    "round",
    "set",
    "sorted",
    "sum",
    "timedelta",
}
KEEPING = {"add", "append", "extend", "insert", "setdefault"}


def verdicts_by_the_clock(source: str) -> list[int]:
    """The lines where a test's verdict hangs on a clock: on its time, or on whatever was made of it.

    What comes from a clock is followed through names, attributes and our own functions of the same file.
    """
    tree = ast.parse(source)
    known = set(_imported_clocks(tree))
    while more := set(_named_after_clocks(tree, known)) - known:
        known |= more
    return sorted({node.lineno for node in ast.walk(tree) if _decides(node, known)})


def _imported_clocks(tree: ast.AST) -> Iterator[str]:
    """Clocks that go by a name of their own, such as a bare `time`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from (one.asname or one.name for one in node.names if one.name in CLOCKS)


def _decides(node: ast.AST, known: set[str]) -> bool:
    if isinstance(node, ast.Assert):
        return _has_time(node.test, known)
    # `if late: pytest.fail()` and `if late: raise AssertionError` are asserts, too.
    if isinstance(node, ast.If | ast.While):
        return _has_time(node.test, known) and any(map(_fails, node.body + node.orelse))
    return False


def _fails(statement: ast.stmt) -> bool:
    return any(
        isinstance(node, ast.Raise)
        or (isinstance(node, ast.Call) and ast.unparse(node.func) in ("pytest.fail", "fail"))
        for node in ast.walk(statement)
    )


def _named_after_clocks(tree: ast.AST, known: set[str]) -> Iterator[str]:
    """Names to which a clock's time is given, lists that keep one, and functions that return one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.NamedExpr):
            if node.value is not None and _is_time(node.value, known):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                yield from (name for target in targets for name in _names(target))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in KEEPING and any(_is_time(one, known) for one in node.args):
                yield from _names(node.func.value)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            returned = (one.value for one in ast.walk(node) if isinstance(one, ast.Return) and one.value)
            if any(_is_time(value, known) for value in returned):
                yield node.name


def _names(target: ast.expr) -> Iterator[str]:
    for node in ast.walk(target):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr


def _has_time(expression: ast.expr, known: set[str]) -> bool:
    return any(_is_clock(node) or _is_known(node, known) for node in ast.walk(expression))


def _is_time(node: ast.AST, known: set[str]) -> bool:
    """Whether it is a clock's time, or was reckoned from one."""
    if isinstance(node, ast.Call) and not (isinstance(node.func, ast.Name) and node.func.id in NUMBERS):
        return _is_time(node.func, known)
    return (
        _is_clock(node)
        or _is_known(node, known)
        or any(_is_time(one, known) for one in ast.iter_child_nodes(node))
    )


def _is_clock(node: ast.AST) -> bool:
    """A clock of the machine, the processor's or the loop's, called or handed on."""
    if isinstance(node, ast.Attribute) and node.attr in CLOCKS:
        return node.attr != "time" or "loop" in (owner := ast.unparse(node.value)) or owner == "time"
    return isinstance(node, ast.Name) and node.id in CLOCKS - {"time"}


def _is_known(node: ast.AST, known: set[str]) -> bool:
    if isinstance(node, ast.Name):
        return isinstance(node.ctx, ast.Load) and node.id in known
    return isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and node.attr in known


def test_no_test_hangs_on_a_clock():
    found = {
        path.relative_to(TESTS).as_posix(): lines
        for path in sorted(set(TESTS.rglob("*.py")) - MEASURING)
        if (lines := verdicts_by_the_clock(path.read_text(encoding="utf-8")))
    }

    assert found == {}


@pytest.mark.parametrize(
    "timed",
    [
        "assert time.monotonic() - began < 5",
        "assert process_time() < 1",
        "assert asyncio.get_running_loop().time() - began < 5",
        "assert loop.time() > due",
        "took = time.perf_counter() - began\nassert took < 5",
        "began = time.time()\nassert (now - began, True) == (0, True)",
        "clock = asyncio.get_running_loop().time\nassert clock() < 5",
        "self.took = time.monotonic()\nassert looks.took < 5",
        "self.began = time.monotonic_ns()\ntook = other - self.began\nslow = took / 2\nassert not slow > 5",
        "def timed():\n    return time.monotonic() - began\nseconds = timed()\nassert seconds < 5",
        "async def timed(it):\n    return time.time(), await it\nseconds, _ = await timed(it)\nassert seconds < 5",
        "self.began.append(loop.time())\nassert all(at >= n / 20 for n, at in enumerate(looks.began))",
        "took = (clock() - time.monotonic()).total_seconds()\nassert is_short(round(took))",
        "while time.monotonic() > deadline:\n    raise AssertionError",
        "from time import time\nassert time() - began < 2",
        "from time import monotonic as now\nassert now() - began < 2",
        "took = timedelta(seconds=time.monotonic() - began)\nassert took < timedelta(seconds=5)",
        "at.setdefault(name, time.monotonic())\nassert at['b'] - at['a'] < 1",
        "if time.monotonic() > deadline:\n    for one in left:\n        raise AssertionError(one)",
        "from pytest import fail\nif time.monotonic() > deadline:\n    fail('late')",
        "if (took := time.monotonic() - began) > 5:\n    pytest.fail(f'{took} s')",
    ],
)
def test_a_verdict_by_the_clock_is_seen(timed: str):
    assert verdicts_by_the_clock(timed) != []


@pytest.mark.parametrize(
    "untimed",
    [
        "assert task.finished_at > task.queued_at",
        "began = time.monotonic()\nawait asyncio.sleep(began)\nassert order == ['a', 'b']",
        "old = time.time() - 3600\nos.utime(path, (old, old))\nassert not path.exists()",
        "token = encode(int(time.time()))\nassert read(token) == 200",
        "with beating(1) as beats:\n    await it\nassert len(beats) > looks",
        "async with asyncio.timeout(5):\n    await it\nassert it.done()",
    ],
)
def test_an_order_of_events_is_none(untimed: str):
    assert verdicts_by_the_clock(untimed) == []
