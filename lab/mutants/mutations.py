"""Mutations of Python code: small changes, each of which a test should notice.

Docstrings, annotations, imports, messages and branches for Windows are left alone.
"""

import ast
import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

_COMPARISONS: dict[type, type] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_ARITHMETIC: dict[type, type] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.Mult,
    ast.BitOr: ast.BitAnd,
}
# Calls with messages: what they say is no business of mutants.
_SAYS = ("Error", "warning", "info", "log", "event", "say")


class Mutant(NamedTuple):
    """A place in a file, and what is done there."""

    file: str  # relative to the repository
    line: int
    column: int
    mutation: str


def draw(files: Iterable[Path], root: Path, seed: str, count: int) -> list[Mutant]:
    """Draw mutants at random, at most one in a line."""
    chance, lines = random.Random(seed), list[list[Mutant]]()
    for file in sorted(files):
        by_line: dict[int, list[Mutant]] = {}
        name = str(file.relative_to(root))
        for node, mutation in _places(ast.parse(file.read_text())):
            mutant = Mutant(name, node.lineno, node.col_offset, mutation)
            by_line.setdefault(mutant.line, []).append(mutant)
        lines += [by_line[line] for line in sorted(by_line)]
    chance.shuffle(lines)
    return [chance.choice(each) for each in lines[:count]]


def mutated(source: str, mutant: Mutant) -> ast.Module:
    """Return the code of a file with a mutant in it."""
    changer = _Changer(mutant)
    tree = ast.parse(source)
    changer.visit(tree)
    assert changer.is_done, mutant
    return ast.fix_missing_locations(tree)


def _places(node: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    """Yield the places for mutants in functions, and the mutations that they allow."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            for statement in child.body:
                yield from _within(statement)
        elif isinstance(child, ast.ClassDef):
            yield from _places(child)


def _within(node: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    if isinstance(node, ast.expr | ast.stmt) and not _is_left_alone(node):
        yield from ((node, mutation) for mutation in _mutations(node))
    elif not isinstance(node, ast.comprehension | ast.keyword | ast.withitem | ast.ExceptHandler):
        return
    annotation = getattr(node, "annotation", None) or getattr(node, "returns", None)
    for child in ast.iter_child_nodes(node):
        if child is not annotation:
            yield from _within(child)


def _is_left_alone(node: ast.expr | ast.stmt) -> bool:
    match node:
        case ast.Import() | ast.ImportFrom() | ast.JoinedStr():
            return True
        case ast.Expr(value=ast.Constant()):
            return True
        case ast.If(test=test) | ast.IfExp(test=test):
            return any(word in ast.unparse(test) for word in ("win32", "TYPE_CHECKING"))
        case ast.Call(func=function):
            return ast.unparse(function).endswith(_SAYS)
    return False


def _mutations(node: ast.expr | ast.stmt) -> tuple[str, ...]:
    match node:
        case ast.If() | ast.IfExp():
            return ("condition true", "condition false")
        case ast.Compare(ops=[operator]) if type(operator) in _COMPARISONS:
            return ("other comparison",)
        case ast.BoolOp():
            return ("and for or",)
        case ast.UnaryOp(op=ast.Not()):
            return ("no not",)
        case ast.BinOp(op=operation) if type(operation) in _ARITHMETIC:
            return ("other arithmetic",)
        case ast.Return(value=ast.expr() as value) if ast.unparse(value) != "None":
            return ("None returned",)
        case ast.Raise() | ast.AugAssign() | ast.Expr(value=ast.Call()):
            return ("nothing done",)
        case ast.Constant(value=bool() | int() | float()):
            return ("other value",)
    return ()


class _Changer(ast.NodeTransformer):
    def __init__(self, mutant: Mutant) -> None:
        self._mutant, self.is_done = mutant, False

    def visit(self, node: ast.AST) -> ast.AST:
        at = getattr(node, "lineno", 0), getattr(node, "col_offset", -1)
        fits = isinstance(node, ast.expr | ast.stmt) and self._mutant.mutation in _mutations(node)
        if not self.is_done and fits and at == (self._mutant.line, self._mutant.column):
            self.is_done = True
            return ast.copy_location(_changed(node, self._mutant.mutation), node)
        return super().generic_visit(node)


def _changed(node: ast.AST, mutation: str) -> ast.AST:
    match node:
        case ast.If(body=body, orelse=orelse):
            return ast.If(ast.Constant(mutation == "condition true"), body, orelse)
        case ast.IfExp(body=body, orelse=orelse):
            return body if mutation == "condition true" else orelse
        case ast.Compare(left=left, ops=[operator], comparators=others):
            return ast.Compare(left, [_COMPARISONS[type(operator)]()], others)
        case ast.BoolOp(op=operation, values=values):
            return ast.BoolOp(ast.Or() if isinstance(operation, ast.And) else ast.And(), values)
        case ast.UnaryOp(operand=operand):
            return operand
        case ast.BinOp(left=left, op=arithmetic, right=right):
            return ast.BinOp(left, _ARITHMETIC[type(arithmetic)](), right)
        case ast.Return():
            return ast.Return(ast.Constant(None))
        case ast.Constant(value=bool() as value):
            return ast.Constant(not value)
        case ast.Constant(value=int() | float() as number):
            return ast.Constant(number + 1)
    return ast.Pass()
