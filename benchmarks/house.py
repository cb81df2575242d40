"""How large and how entangled the product is: lines, files a folder, arrows between files, circles.

    python benchmarks/house.py

`tests/unit/test_house.py` keeps bounds on these figures.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections import Counter
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ("imu", "analysis", "hipturn")
Arrows = dict[str, set[str]]
_NO_CODE = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
    tokenize.ENCODING, tokenize.ENDMARKER,
}  # fmt: skip


def modules(*rooms: str) -> dict[str, Path]:
    """Return the modules of some rooms: dotted name → file; a package is its `__init__`."""
    found = {}
    for path in (path for room in rooms for path in (ROOT / room).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return dict(sorted(found.items()))


def code_lines(text: str) -> int:
    """Return the lines of a module without blanks, comments and docstrings."""
    strings = {
        line
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in _NO_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines - strings)


def arrows(known: dict[str, Path], *, when_loaded: bool = False) -> Arrows:
    """Return which module imports which others of the known ones.

    Parameters
    ----------
    known
        What `modules` returned.
    when_loaded
        Count only what Python does while it loads the module, with the `__init__` of every package
        that is entered; else every import written anywhere in the file.
    """
    return {
        name: {
            target
            for imported in _imported(_statements(path, when_loaded), known)
            for target in (_entered(name, imported, known) if when_loaded else (imported,))
        }
        - {name}
        for name, path in known.items()
    }


def circle(graph: Arrows) -> list[str]:
    """Return the modules of a circle of imports, the first again at the end; none: empty."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def files_a_folder() -> Counter[str]:
    """Return the number of Python files of every folder, `__init__.py` not counted."""
    return Counter(
        path.parent.relative_to(ROOT).as_posix()
        for path in modules(*ROOMS).values()
        if path.name != "__init__.py"
    )


def _statements(path: Path, when_loaded: bool) -> Iterator[ast.AST]:
    """Yield the nodes of a file; those that run when it is loaded, or all."""
    todo: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while todo:
        node = todo.pop()
        yield node
        if when_loaded and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        if when_loaded and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            todo += node.orelse
            continue
        todo += ast.iter_child_nodes(node)


def _imported(nodes: Iterator[ast.AST], known: dict[str, Path]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module in known:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name for name in names if name in known)
            if any(name not in known for name in names):
                yield str(node.module)


def _entered(name: str, imported: str, known: dict[str, Path]) -> Iterator[str]:
    """Yield a module with the packages above it that its importer is not itself in."""
    yield imported
    parts = imported.split(".")
    for n in range(1, len(parts)):
        package = ".".join(parts[:n])
        if package in known and name != package and not name.startswith(f"{package}."):
            yield package


def main() -> None:
    """Print the figures."""
    print(f"{'room':<10} {'files':>6} {'lines':>7} {'arrows':>7}")
    for room in ROOMS:
        known = modules(room)
        lines = sum(code_lines(path.read_text(encoding="utf-8")) for path in known.values())
        between = sum(len(targets) for targets in arrows(known).values())
        print(f"{room:<10} {len(known):>6} {lines:>7} {between:>7}")
    print("\nfiles a folder, most first (without __init__.py):")
    for folder, count in files_a_folder().most_common():
        print(f"{count:>4}  {folder}")
    found = circle(arrows(modules(*ROOMS), when_loaded=True))
    print(f"\ncircle of imports: {' → '.join(found) or 'none'}")


if __name__ == "__main__":
    main()
