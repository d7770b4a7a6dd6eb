"""Every public name of the package says what it is, what it takes, and where it comes from."""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from elman.cells import CELLS, TREE_CELLS
from elman.learning import Learner

PACKAGE = Path(__file__).parent.parent / "src" / "elman"
SOURCES = sorted(PACKAGE.rglob("*.py"))

SEE = re.compile(r"\bsee `[\w.]+`|; arguments as in `\w+`", re.IGNORECASE)
"""What the docstring of an overriding method may say in place of its arguments."""


class Documented(NamedTuple):
    """A public module, class or function, and what its docstring must and may tell about."""

    name: str
    docstring: str | None
    parameters: list[str]
    attributes: list[str]


def parameters(function: ast.FunctionDef) -> list[str]:
    given = function.args
    named = [*given.posonlyargs, *given.args, given.vararg, *given.kwonlyargs, given.kwarg]
    return [a.arg for a in named if a is not None and a.arg not in {"self", "cls"}]


def fields(node: ast.ClassDef, *, without_docstring: bool) -> list[str]:
    """Annotated attributes of a class; those of settings have docstrings of their own below."""
    return [
        statement.target.id
        for statement, below in zip(node.body, [*node.body[1:], ast.Pass()], strict=True)
        if isinstance(statement, ast.AnnAssign)
        and isinstance(statement.target, ast.Name)
        and not (without_docstring and isinstance(below, ast.Expr))
    ]


def of_class(node: ast.ClassDef, name: str) -> Documented:
    taken = [
        parameter
        for method in node.body
        if isinstance(method, ast.FunctionDef) and method.name == "__init__"
        for parameter in parameters(method)
    ]
    if any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list):
        taken += fields(node, without_docstring=True)
    attributes = fields(node, without_docstring=False)
    return Documented(name, ast.get_docstring(node), taken, attributes)


def documented(body: list[ast.stmt], prefix: str) -> Iterator[Documented]:
    """Public classes and functions, and the public methods of those classes."""
    for node in body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef) or node.name.startswith("_"):
            continue
        name = f"{prefix}.{node.name}"
        if isinstance(node, ast.FunctionDef):
            yield Documented(name, ast.get_docstring(node), parameters(node), [])
        else:
            yield of_class(node, name)
            yield from documented(node.body, name)


def everything() -> Iterator[Documented]:
    for path in SOURCES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        name = str(path.relative_to(PACKAGE).with_suffix("")).replace("/", ".")
        yield Documented(name, ast.get_docstring(tree), [], [])
        yield from documented(tree.body, name)


def sections(docstring: str) -> dict[str, str]:
    """The sections of a Google-style docstring by their titles."""
    parts = re.split(r"^([A-Z]\w+):\n", inspect.cleandoc(docstring), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def explained(docstring: str) -> list[str]:
    """Parameters that the Args (or, of fields, the Attributes) tell about."""
    found = sections(docstring)
    listed = found.get("Args", "") + found.get("Attributes", "")
    return re.findall(r"^    \*{0,2}(\w+):", listed, flags=re.MULTILINE)


def test_everything_public_has_a_docstring():
    assert [item.name for item in everything() if not item.docstring] == []


def test_docstrings_tell_about_the_parameters():
    told = {item.name: explained(item.docstring or "") for item in everything()}
    silent = {
        item.name: missing
        for item in everything()
        if (missing := [p for p in item.parameters if p not in told[item.name]])
        and not SEE.search(item.docstring or "")
    }
    assert silent == {}


def test_docstrings_tell_of_no_parameter_that_is_not_there():
    told = {item.name: set(explained(item.docstring or "")) for item in everything()}
    stray = {
        item.name: extra
        for item in everything()
        if (extra := told[item.name] - {*item.parameters, *item.attributes})
    }
    assert stray == {}


def rules(base: type) -> Iterator[type]:
    for rule in base.__subclasses__():
        if rule.__module__.startswith("elman.") and not inspect.isabstract(rule):
            yield rule
        yield from rules(rule)


def test_the_learning_rules_are_found():
    assert {rule.__name__ for rule in rules(Learner)} >= {"BPTT", "TruncatedBPTT"}


@pytest.mark.parametrize("described", [*CELLS.values(), *TREE_CELLS.values(), *rules(Learner)])
def test_cells_and_rules_have_equations_and_a_reference(described):
    docstring = inspect.getdoc(described)
    assert docstring is not None
    assert "$$" in docstring
    assert re.search(r"\b(19|20)\d\d, \"", sections(docstring)["Reference"])
