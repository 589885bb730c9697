"""Equal values, and hostile input that must neither hang, crash nor eat memory."""

import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.tasks.math import answers, symbolic
from harness.tasks.math.answers import Kind, equivalent

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("answer", "target", "kind", "same"),
    [
        ("025", "25", "integer", True),
        ("25.0", "25", "integer", True),
        ("25.5", "25", "integer", False),
        ("$1,234.50", "1234.5", "number", True),
        ("18 eggs", "18", "number", True),
        ("0.3333", "1/3", "number", False),
        ("2,-1", "2", "number", False),
        ("", "0", "number", False),
        ("none", "0", "number", False),
    ],
)
def test_numbers_are_compared_exactly(answer: str, target: str, kind: Kind, same: bool) -> None:
    assert equivalent(answer, target, kind).right is same


@pytest.mark.parametrize(
    ("answer", "target"),
    [
        ("x^2+2x+1", "(x+1)^2"),
        ("2(k+1)", "2k+2"),
        ("\\frac{9a+11}{20}", "\\frac{11+9a}{20}"),
        ("\\frac{\\sqrt{3}}{3}", "\\frac{1}{\\sqrt3}"),
        ("\\sqrt{8}", "2\\sqrt2"),
        ("-5i+6", "6-5i"),
        ("2^2 \\cdot 3^3 \\cdot 4^4", "27648"),
        ("\\binom{5}{2}", "10"),
        ("\\tan 45^\\circ", "1"),
        ("-2, 1", "1,-2"),
        ("1, -16, -4", "(1,-16,-4)"),
        ("x < 5", "(-\\infty,5)"),
        ("(3, \\pi/2)", "\\left( 3, \\frac{\\pi}{2} \\right)"),
        ("2*sqrt(2)", "2\\sqrt{2}"),
        ("2516", "2516_8"),
        ("y = 3+2x", "2x+3"),
        ("10^{-3}", "0.001"),
        # equal wherever both are real
        ("\\sqrt{x}\\sqrt{x-1}", "\\sqrt{x(x-1)}"),
        ("\\sqrt{x}\\sqrt{y}", "\\sqrt{xy}"),
        ("\\ln(x-2)+\\ln(x-3)", "\\ln((x-2)(x-3))"),
    ],
)
def test_equal_expressions(answer: str, target: str) -> None:
    assert equivalent(answer, target, "expression").right


@pytest.mark.parametrize(
    ("answer", "target"),
    [
        ("x", "y"),
        ("(1,2)", "(2,1)"),
        ("[1,2)", "(1,2)"),
        ("neve", "even"),
        ("2516_7", "2516_8"),
        ("1358", "2516_8"),
        ("\\pi", "3.14"),
        ("x+1", "x-1"),
        ("", "5"),
        ("5", "\\text{six}"),
        ("1, 2, 3", "1, 2"),
        ("x=2,y=3", "x=3,y=2"),
        ("\\frac{1}{", "1"),
        ("}{", "0"),
    ],
)
def test_different_expressions(answer: str, target: str) -> None:
    assert not equivalent(answer, target, "expression").right


@settings(max_examples=15, deadline=None)
@given(*[st.integers(1, 9)] * 4)
def test_a_product_equals_its_expansion(a: int, b: int, c: int, d: int) -> None:
    product = f"({a}x+{b})({c}x-{d})"
    middle = b * c - a * d
    assert equivalent(product, f"{a * c}x^2{middle:+d}x-{b * d}", "expression").right
    assert not equivalent(product, f"{a * c}x^2{middle:+d}x-{b * d + 1}", "expression").right


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[symbolic.Pool]:
    """One comparing process that gives up after a second instead of five."""
    pool = symbolic.Pool(most=1, cpu_seconds=1.0)
    monkeypatch.setattr(symbolic, "_pool", pool)
    monkeypatch.setattr(answers, "_known", {})
    yield pool
    pool.close()


def only_process(pool: symbolic.Pool) -> subprocess.Popen[str]:
    (child,) = pool._idle
    assert child._process is not None
    return child._process


@pytest.mark.parametrize(
    "hostile",
    [
        "(9^9)^{(9^9)}",
        "(10^6)!",
        "\\binom{10^9}{5 \\cdot 10^8}",
        "((9999^{9999})^{9999})^{9999}",
        "\\sum_{n=1}^{10^9} \\sin n \\cdot \\frac{1}{n^{1.001}} + (10^7)!",
    ],
)
def test_a_costly_expression_is_given_up(impatient: symbolic.Pool, hostile: str) -> None:
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert equivalent(hostile, "42", "expression").reason == "not comparable"
    assert equivalent("x+1", "1+x", "expression").right, "and the next comparison works"
    # In kilobytes on Linux, of the largest child so far; its address space may have 192 MiB. Between fork
    # and exec a child counts as large as the process that started it, so that one is allowed for.
    after = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert after <= max(largest, own, 250_000)


@pytest.mark.parametrize(
    "hostile",
    [
        "9^{9^{9^{9}}}",
        "9**9**9**9",
        "10^{10^{10}}",
        "((((9!)!)!)!)",
        "1000000000!",
        "x^{99999}",
        "{" * 300 + "5" + "}" * 300,
        "(" * 30 + "5" + ")" * 30,
        "\\frac{" * 130 + "1",
        "\\boxed{" * 140,
        "x+" * 499 + "x",
        "9" * 999 + "x",
        "9" * 10_000_000,
        "1e99999999",
        "\\left(" * 100,
        "\x00",
        "\ud800",
        "\\sum_{n=1}^{10^9} \\sin n",
        "\\sqrt[" * 40 + "2]{3}",
        "\\begin{pmatrix}" * 20,
        "\\int_0^1 e^{\\sin(x^{x^x})} dx",
    ],
)
@pytest.mark.parametrize("kind", ["integer", "number", "expression"])
def test_hostile_answers_are_wrong(impatient: symbolic.Pool, hostile: str, kind: Kind) -> None:
    assert not equivalent(hostile, "42", kind).right
    assert not equivalent("42", hostile, kind).right


def test_text_is_never_evaluated(impatient: symbolic.Pool, tmp_path: Path) -> None:
    trace = tmp_path / "evaluated"
    code = f'__import__("os").system("touch {trace}")'
    for answer in (code, f"\\text{{{code}}}", f"\\{{{code}, 2\\}}", f"\\mathrm{{{code}}}+1", f"[{code}]"):
        equivalent(answer, "x+1", "expression")
        symbolic.compared(answer, "x+1")
    assert not trace.exists()


def test_works_in_threads() -> None:
    """math-verify's own time limit works in the main thread only."""
    pairs = [(f"{n}(x+1)", f"{n}x+{n}") for n in range(2, 14)]
    seen = set()

    def check(pair: tuple[str, str]) -> bool:
        seen.add(threading.get_ident())
        return equivalent(*pair, "expression")

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(check, pairs))
    assert threading.main_thread().ident not in seen


def test_children_work_side_by_side_and_no_more_than_allowed() -> None:
    pool = symbolic.Pool(most=2)
    one, two = pool.take(), pool.take()
    assert one is not two
    third: list[symbolic.Child] = []
    waiting = threading.Thread(target=lambda: third.append(pool.take()))
    waiting.start()
    waiting.join(0.05)
    assert not third, "two are out, so the third has to wait"
    pool.give(two)
    waiting.join()
    assert third == [two]


def test_the_targets_of_one_answer_share_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    def costly(given: str, wanted: str, seconds: float) -> tuple[str, float]:
        asked.append(seconds)
        return "unknown", min(seconds, 2.0)

    monkeypatch.setattr(symbolic, "compared", costly)
    monkeypatch.setattr(answers, "_known", {})
    verdict = equivalent("x^{9}+1", [f"x+{n}" for n in range(2, 30)], "expression")
    assert verdict.reason == "not comparable"
    assert asked[:4] == [5.0, 3.0, 1.0, 0.0]


def test_a_killed_process_is_replaced(impatient: symbolic.Pool) -> None:
    assert equivalent("a(b+c)", "ab+ac", "expression").right
    process = only_process(impatient)
    process.kill()
    process.wait()
    assert equivalent("a(b+d)", "ab+ad", "expression").right


def test_an_interrupt_doesnt_make_an_answer_wrong(impatient: symbolic.Pool) -> None:
    """Ctrl-C reaches the whole process group, but only the parent decides what it means."""
    assert equivalent("a(b+h)", "ab+ah", "expression").right
    process = only_process(impatient)
    process.send_signal(signal.SIGINT)
    assert equivalent("a(b+k)", "ab+ak", "expression").right
    assert only_process(impatient) is process


def test_a_fork_gets_a_process_of_its_own() -> None:
    assert equivalent("a(b+e)", "ab+ae", "expression").right
    pid = os.fork()
    if pid == 0:
        own = False
        try:
            own = not symbolic._pool._idle and equivalent("a(b+f)", "ab+af", "expression").right
            symbolic._close()
        finally:  # else a child that fails goes on with the tests
            os._exit(0 if own else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert equivalent("a(b+g)", "ab+ag", "expression").right


def test_a_missing_engine_is_an_error_not_a_wrong_answer(
    impatient: symbolic.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(RuntimeError, match="doesn't start"):
        equivalent("x(y+1)", "xy+x", "expression")


def test_nothing_heavy_is_imported_until_an_expression_needs_it() -> None:
    program = """
import sys
from harness.answers import read_expression
from harness.tasks.math.answers import canonical, equivalent
assert equivalent(read_expression("\\\\boxed{025}").answer, "25", "integer").right
assert equivalent("$1,000", "1000", "number").right and not equivalent("7", "8", "number")
assert equivalent("\\\\frac12", "\\\\dfrac{1}{2}", "expression").right
assert not equivalent("3", "4", "expression").right
heavy = {"sympy", "math_verify", "subprocess", "numpy", "inspect_ai", "latex2sympy2_extended"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
assert equivalent("x(y+1)", "xy+x", "expression").right and "sympy" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT, env=dict(os.environ))
