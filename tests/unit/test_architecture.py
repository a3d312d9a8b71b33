"""The folders, the names and the imports of the package and of its tests."""

import ast
import re
from collections import Counter
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE, TESTS = ROOT / "exporter", ROOT / "tests"
TOPS = {PACKAGE, TESTS / "unit"}

MODULES = sorted(PACKAGE.rglob("*.py"))
TEST_MODULES = sorted(TESTS.rglob("*.py"))
FOLDERS = [
    folder
    for top in (PACKAGE, TESTS)
    for folder in (top, *sorted(top.rglob("*/")))
    if folder.is_dir() and "__pycache__" not in folder.parts
]

#: The most things in a folder; at the top of the package each part has a folder or a module, and
#: the unit tests mirror it.
MOST, MOST_AT_THE_TOP = 11, 20

#: What is in every folder, or says nothing about it.
UNCOUNTED = {"__init__.py", "__main__.py", "__pycache__", "py.typed"}

#: A name that says nothing about the content.
VAGUE = {"utils", "util", "common", "helpers", "helper", "misc", "models", "types"}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def nodes(module: Path) -> list[ast.stmt]:
    """The imports and the classes of a module, also those inside of others."""
    found = ast.walk(ast.parse(module.read_text(encoding="utf-8")))
    return [node for node in found if isinstance(node, ast.Import | ast.ImportFrom | ast.ClassDef)]


def imports(module: Path) -> Iterator[str]:
    """The modules that a module imports, also inside functions."""
    for node in nodes(module):
        match node:
            case ast.Import(names=names):
                yield from (each.name for each in names)
            case ast.ImportFrom(module=str(source), names=names):
                yield from (f"{source}.{each.name}" for each in names)


def dotted(module: Path) -> str:
    return name_of(module).removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def module_of(imported: str, names: Collection[str]) -> str | None:
    """The module that an import is of: itself, or the one that has the name."""
    parent = imported.rpartition(".")[0]
    return next((each for each in (imported, parent) if each in names), None)


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_a_folder_has_fewer_than_a_dozen_things(folder: Path) -> None:
    things = {each.name for each in folder.iterdir()} - UNCOUNTED
    assert len(things) <= (MOST_AT_THE_TOP if folder in TOPS else MOST), sorted(things)


def test_no_two_classes_have_one_name() -> None:
    names = Counter(
        node.name for module in MODULES for node in nodes(module) if isinstance(node, ast.ClassDef)
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_no_import_is_for_type_checking_alone() -> None:
    """It would hide a circle of imports."""
    hidden = [name_of(each) for each in MODULES if "TYPE_CHECKING" in each.read_text("utf-8")]
    assert hidden == []


def test_no_import_inside_a_function_hides_a_circle() -> None:
    """import-linter counts a package and a module in it as one."""
    names = {dotted(each): each for each in MODULES}
    graph = {
        name: {found for each in imports(module) if (found := module_of(each, names))}
        for name, module in names.items()
    }
    in_circles = set()
    for name in names:
        reached, new = set[str](), graph[name]
        while new:
            reached |= new
            new = set[str]().union(*(graph[each] for each in new)) - reached
        if name in reached:
            in_circles.add(name)
    assert in_circles == set()


def test_every_module_is_named_after_its_content() -> None:
    assert [name_of(each) for each in [*MODULES, *TEST_MODULES] if each.stem in VAGUE] == []


def test_no_test_imports_another_one() -> None:
    """What several of them use is in tests/support, and fixtures are in conftest.py."""
    across = {
        f"{name_of(module)}: {imported}"
        for module in TEST_MODULES
        if re.search(r"\btests\b(?!\.support\.)", module.read_text("utf-8"))  # or it imports none
        for imported in imports(module)
        if imported.startswith("tests.") and not imported.startswith("tests.support.")
    }
    assert across == set()


def test_nothing_but_tests_imports_tests() -> None:
    others = [*MODULES, *(ROOT / "benchmarks").rglob("*.py"), *(ROOT / "dashboards").rglob("*.py")]
    naming = [each for each in others if "tests" in each.read_text("utf-8")]
    assert [name_of(each) for each in naming if any(_is_a_test(i) for i in imports(each))] == []


def test_the_unit_tests_are_in_the_folders_of_the_package() -> None:
    folders = {each.parent.relative_to(TESTS / "unit") for each in TESTS.glob("unit/**/test_*.py")}
    assert [each.as_posix() for each in folders if not (PACKAGE / each).is_dir()] == []


def _is_a_test(imported: str) -> bool:
    return imported.split(".", maxsplit=1)[0] == "tests"
