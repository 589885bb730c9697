r"""Makes math-verify exact; loaded by `symbolic_worker` alone, which has sympy.

math-verify says that two answers are equal for reasons that are none here, so its leaves are replaced:

- it rounds to six places and drops what is below 10^-15: 0.333333 is 1/3 there, 1/2^99 is 1/2^98, and
  e^{-31} is e^{-30}. Here a decimal is the fraction that it states, and a difference must vanish;
- it reads every letter in lower case, so that X is x: here a symbol keeps its case;
- it takes away what may be a unit (`4t` is 4 there): the caller takes units away, from a closed list;
- two equations without a solution are one to it: here they aren't.

And it says no for a wrong reason: to it the cube root of -8 is complex, and inequalities never compare unless
one is a multiple of the other.

What is equal as functions of real variables is found by evaluation to a hundred digits at fixed points,
where both are defined; what can't be evaluated is left to `simplify`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sympy
from latex2sympy2_extended.latex2sympy2 import ConversionConfig, latex2sympy, normalize_latex
from latex2sympy2_extended.math_normalization import NormalizationConfig
from math_verify import grader

_NORMALIZATION = NormalizationConfig(
    basic_latex=True, units=False, malformed_operators=True, nits=False, boxed="none"
)
_CONVERSION = ConversionConfig(lowercase_symbols=False)
_UNEVALUATED = (sympy.Sum, sympy.Product, sympy.Integral, sympy.Limit, sympy.Derivative)
_FUNCTIONS = (
    sympy.functions.elementary.trigonometric.TrigonometricFunction,
    sympy.functions.elementary.trigonometric.InverseTrigonometricFunction,
    sympy.functions.elementary.hyperbolic.HyperbolicFunction,
    sympy.log,
)
#: Values of the variables, one row after the other for each further variable; all signs occur.
_POINTS = (
    ("7/5", "17/11", "29/13", "31/19", "43/37"),
    ("23/7", "5/9", "41/17", "3/11", "61/13"),
    ("-9/7", "13/6", "-11/3", "37/23", "-5/13"),
    ("19/8", "-21/5", "-8/11", "47/9", "2/17"),
    ("-3/14", "-33/10", "-55/12", "-6/5", "-71/15"),
)


def parsed(latex: str, complex_: bool) -> Any:
    """The sympy expression of a LaTeX one; `i` is the imaginary unit. Raises what the parsers raise."""
    line = normalize_latex(latex, _NORMALIZATION)
    found = latex2sympy(line, is_real=not complex_, normalization_config=None, conversion_config=_CONVERSION)
    units = [symbol for symbol in getattr(found, "free_symbols", ()) if symbol.name == "i"]
    if units:
        return found.subs(dict.fromkeys(units, sympy.I))
    return found if complex_ or not isinstance(found, sympy.Expr) else found.replace(_odd_root, _real_root)


def _odd_root(part: Any) -> bool:
    return bool(
        isinstance(part, sympy.Pow)
        and part.exp.is_Rational
        and part.exp.q % 2 == 1
        and part.exp.q > 1
        and part.base.is_negative
    )


def _real_root(root: Any) -> Any:
    """An odd root of a negative number, which is real where no number is complex."""
    return (-1) ** root.exp.p * sympy.Pow(-root.base, root.exp)


def make_exact() -> None:
    """Replaces the comparisons of leaves in math-verify's grader."""
    solve_and_compare = grader.sympy_solve_and_compare

    def symbolic(a: Any, b: Any, *_: Any) -> bool:
        return same_value(a, b)

    def solved(gold: Any, pred: Any, *precision: Any) -> bool:
        if isinstance(gold, sympy.Eq) and isinstance(pred, sympy.Eq):
            wanted, given = ((each.lhs - each.rhs).doit() for each in (gold, pred))
            if wanted.is_number or given.is_number:
                return False
            ratio = sympy.cancel(sympy.together(wanted / given))
            if not ratio.free_symbols and ratio.is_finite and ratio.is_nonzero:
                return True
            if not sympy.solve(gold, gold.free_symbols):
                return False
        elif gold.free_symbols == pred.free_symbols and len(gold.free_symbols) == 1:
            return bool(gold.as_set() == pred.as_set())
        return bool(solve_and_compare(gold, pred, *precision))

    grader.sympy_numeric_eq = symbolic
    grader.sympy_symbolic_eq = lambda a, b: False  # `symbolic` has decided
    grader.sympy_compare_symbols = symbolic
    grader.sympy_solve_and_compare = solved


def same_value(a: Any, b: Any) -> bool:
    """Whether two expressions or matrices have the same value wherever both are defined."""
    matrices = (sympy.MatrixBase, sympy.MatrixExpr)
    if isinstance(a, matrices) and isinstance(b, matrices):
        a, b = a.doit(), b.doit()
        if not (isinstance(a, sympy.MatrixBase) and isinstance(b, sympy.MatrixBase)):
            return bool(a == b)
        return a.shape == b.shape and all(map(same_value, a.flat(), b.flat()))
    if not (isinstance(a, sympy.Expr) and isinstance(b, sympy.Expr)):
        return bool(a == b)
    a, b = a.doit(), b.doit()
    if a == b:
        return not a.has(sympy.nan)
    if any(each.has(sympy.oo, -sympy.oo, sympy.zoo, sympy.nan) for each in (a, b)):
        return False
    difference = a - b
    if difference.is_Rational:
        return bool(difference == 0)
    if difference.has(*_UNEVALUATED):
        return bool(sympy.simplify(difference) == 0)
    verdicts = set(_at_points(a, b, difference))
    if False in verdicts:
        return False
    return True in verdicts or bool(sympy.simplify(difference) == 0)


def _at_points(a: Any, b: Any, difference: Any) -> Iterator[bool | None]:
    """Whether the values agree at each point, None where one of them has none there."""
    names = sorted(difference.free_symbols, key=lambda symbol: symbol.name)
    calls = sorted(difference.atoms(sympy.core.function.AppliedUndef), key=str)
    for row in _POINTS if names or calls else _POINTS[:1]:
        values = [sympy.Rational(row[n % 5]) + n // 5 for n in range(len(names) + len(calls))]
        point = dict(zip([*calls, *names], values, strict=True))
        if point and not (_defined(a, point) and _defined(b, point)):
            yield None
            continue
        yield _vanishes(difference.subs(point), a.subs(point), b.subs(point))


def _defined(expression: Any, point: dict[Any, Any]) -> bool:
    """Whether every root and logarithm in the expression is real at a point, and nothing is infinite."""
    for part in sympy.preorder_traversal(expression):
        if isinstance(part, sympy.Pow) and not part.exp.is_integer and not part.base.is_number:
            if not part.base.subs(point).evalf(20).is_nonnegative:
                return False
        elif isinstance(part, sympy.log) and not part.args[0].is_number:
            if not part.args[0].subs(point).evalf(20).is_positive:
                return False
    return True


def _vanishes(difference: Any, a: Any, b: Any) -> bool | None:
    if difference.is_Rational:
        return bool(difference == 0)
    size = max(abs(each.evalf(15)) for each in (a, b))
    rest = abs(difference.evalf(15, maxn=300))
    if not (size.is_Float and rest.is_Float):
        return True if rest == 0 else None
    return bool(rest._prec == 1 or rest <= size * sympy.Rational(1, 10**100))  # 1: no digit is certain


def unsimplified(given: Any, wanted: Any) -> bool:
    r"""Whether an answer repeats the question: it holds a sum, product, integral, limit or derivative, or
    a sine or logarithm that no table of values answers, where the target holds none."""
    if not (isinstance(given, sympy.Basic) and isinstance(wanted, sympy.Basic)):
        return False
    if given.has(*_UNEVALUATED) and not wanted.has(*_UNEVALUATED):
        return True
    if wanted.has(*_FUNCTIONS):
        return False
    return bool(given.doit().has(*_FUNCTIONS))
