"""The rules of the house that a machine can check: imports, sizes, and what pages may say."""

from __future__ import annotations

import ast
import fnmatch
import importlib
import re
import shlex
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import hipturn
from benchmarks.house import arrows, circle, code_lines, files_a_folder, modules
from hipturn.commands.cli import cli

ROOT = Path(__file__).parents[2]
ROOMS = ("imu", "analysis", "hipturn")
MODULES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    ROOT / "recordings" / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
MAX_LINES = 520
MAX_FILES_A_FOLDER = 14
"""A list of this many names can be read at a glance."""
MAX_ARROWS_IN_ANALYSIS = 196
"""Imports between its files. More: see whether two files are one idea, or a word has two homes."""
# What `hipturn --help` must not wait for.
HEAVY = ("pandas", "scipy", "matplotlib", "numpy", "pyarrow")
# What would let a computation depend on the moment or the place it runs.
OUTSIDE = {"asyncio", "bleak", "time", "socket", "starlette"}
FENCE = re.compile(r"^ *```(\w+)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


def name_of(path: Path) -> str:
    """Return a file as people call it."""
    return path.relative_to(ROOT).as_posix()


def imported(path: Path) -> Iterator[str]:
    """Yield every module that a file imports, wherever in it, as absolute names."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*base, node.module)) if node.module else ".".join(base)
            yield module
            # `from imu import timeline` reaches the module as `import imu.clocks.timeline` does
            yield from (
                f"{module}.{alias.name}" for alias in node.names if is_module(module, alias.name)
            )


def is_module(package: str, name: str) -> bool:
    """Return whether a name of a package of ours is a module."""
    folder = ROOT.joinpath(*package.split("."))
    return (folder / f"{name}.py").exists() or (folder / name / "__init__.py").exists()


def room_files(folder: str) -> list[Path]:
    """Return the modules of a package; a wrong name must not make a test pass."""
    found = [path for path in MODULES if name_of(path).startswith(f"{folder}/")]
    assert found
    return found


def of_project(module: str) -> bool:
    """Return whether a module is one of ours."""
    return module.split(".")[0] in ROOMS


def within(module: str, allowed: tuple[str, ...]) -> bool:
    """Return whether a module is, or lies in, one of the allowed ones."""
    return any(module == name or module.startswith(f"{name}.") for name in allowed)


@pytest.mark.parametrize("path", room_files("imu"), ids=name_of)
def test_imu_knows_nothing_of_analysis_and_hipturn(path):
    assert [m for m in imported(path) if within(m, ("analysis", "hipturn"))] == []


@pytest.mark.parametrize("path", room_files("analysis"), ids=name_of)
def test_analysis_takes_words_and_algebra_from_imu_and_nothing_else(path):
    allowed = ("analysis", "imu.sample", "imu.quaternion")
    assert [m for m in imported(path) if of_project(m) and not within(m, allowed)] == []


@pytest.mark.parametrize("path", room_files("analysis"), ids=name_of)
def test_analysis_reads_no_clock_and_no_radio(path):
    assert {m.split(".")[0] for m in imported(path)} & OUTSIDE == set()


@pytest.mark.parametrize("path", room_files("imu/virtual"), ids=name_of)
def test_the_virtual_wearer_shares_only_the_algebra_with_the_estimator(path):
    allowed = ("imu.quaternion", "imu.sample", "imu.virtual")
    assert [m for m in imported(path) if of_project(m) and not within(m, allowed)] == []


@pytest.mark.parametrize(
    "code",
    [
        "import hipturn",
        "from hipturn.commands.cli import main; sys.argv[1:] = ['--help']; main()",
        "from hipturn.commands.cli import main; sys.argv[1:] = ['analyse', '--help']; main()",
    ],
    ids=["import hipturn", "hipturn --help", "hipturn analyse --help"],
)
def test_help_waits_for_no_heavy_package(code):
    program = f"""
import sys, atexit
sys.path.insert(0, {str(ROOT)!r})
atexit.register(lambda: print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr))
{code}
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == "[]"


def test_a_counted_session_is_analysed_without_scipy_and_without_drawing():
    demo = ROOT / "recordings" / "demo" / "prone_windshield_wiper"
    program = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
import hipturn
hipturn.analyse(hipturn.open({str(demo)!r}))
print([m for m in ("scipy", "matplotlib") if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"  # either takes longer than the analysis itself


def undocumented(tree: ast.Module) -> Iterator[str]:
    """Yield the public functions, classes and methods of a module that say nothing."""
    if not ast.get_docstring(tree):
        yield "the module"
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    todo: list[tuple[str, ast.AST]] = [("", tree)]
    while todo:
        prefix, parent = todo.pop()
        for node in ast.iter_child_nodes(parent):
            if not isinstance(node, kinds) or node.name.startswith("_"):
                continue
            if not ast.get_docstring(node):
                yield prefix + node.name
            if isinstance(node, ast.ClassDef):
                todo.append((f"{prefix}{node.name}.", node))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_everything_public_says_what_it_is(path):
    assert list(undocumented(ast.parse(path.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if "__all__" in path.read_text(encoding="utf-8")],
    ids=name_of,
)
def test_every_name_in_all_exists(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    module = importlib.import_module(".".join(p for p in parts if p != "__init__"))
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_module_is_too_long_to_read(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


@pytest.mark.parametrize("folder", files_a_folder())
def test_no_folder_holds_more_files_than_can_be_read_at_a_glance(folder):
    assert files_a_folder()[folder] <= MAX_FILES_A_FOLDER


def test_the_files_of_analysis_know_few_of_each_other():
    between = arrows(modules("analysis"))
    assert sum(len(targets) for targets in between.values()) <= MAX_ARROWS_IN_ANALYSIS


def test_no_import_goes_round_in_a_circle():
    assert circle(arrows(modules(*ROOMS), when_loaded=True)) == []


def test_a_circle_through_a_package_is_found(tmp_path):
    files = {
        "profiles/__init__.py": "",
        "profiles/table.py": "from drivers.reading import LONGEST\n",
        "drivers/__init__.py": "from drivers.one import One\n",
        "drivers/reading.py": "LONGEST = 512\n",
        "drivers/one.py": "from profiles.table import Table\n",
    }
    known = {}
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        known[name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")] = path
    assert set(circle(arrows(known, when_loaded=True))) >= {"profiles.table", "drivers"}
    (tmp_path / "profiles/table.py").write_text("def late():\n    from drivers import reading\n")
    assert circle(arrows(known, when_loaded=True)) == []
    assert arrows(known)["profiles.table"] == {"drivers.reading"}


def test_blanks_comments_and_docstrings_are_no_lines_of_code():
    text = '''"""What it is.

Two lines of it."""

# why
LIMIT = 3  # of what
"""The reason."""


def f(
    x,
):
    """Do."""
    return """a
text"""
'''
    assert code_lines(text) == 6


def drawn(text: str) -> Iterator[tuple[str, str]]:
    """Yield every arrow of docs/architecture.md: the importer and what it imports."""
    above: dict[int, str] = {}
    for line in text.splitlines():
        found = re.match(r"[ │├└▶]*(?=(hipturn|imu|analysis)\.)([\w.]+)", line)
        if found is None:
            above.clear()  # a title or a blank line: a new tree
            continue
        column, name = found.start(2), found[2]
        if "▶" in found[0]:
            yield above[max(at for at in above if at < column)], name
        above = {at: known for at, known in above.items() if at < column} | {column: name}


def test_the_drawing_of_how_a_sample_becomes_a_row_is_what_the_code_imports():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    known = modules(*ROOMS)
    imports = arrows(known)
    (drawing,) = (body for language, body in FENCE.findall(page) if language == "text")
    pairs = list(drawn(drawing))
    assert len(pairs) == drawing.count("▶")
    assert [name for pair in pairs for name in pair if name not in known] == []
    assert [(one, other) for one, other in pairs if other not in imports[one]] == []


def test_every_module_that_a_page_names_exists():
    pages = [ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
    named = {
        name
        for page in pages
        for name in re.findall(r"`((?:imu|analysis|hipturn)(?:\.[a-z_]\w*)+)`", page.read_text())
        if name.rpartition(".")[2] not in ("open", "analyse", "lsl")
    }
    paths = {
        path
        for page in pages
        for path in re.findall(r"`((?:imu|analysis|hipturn)/[\w/.]*(?:/|\.py))`", page.read_text())
    }
    assert [name for name in named if name not in modules(*ROOMS)] == []
    assert [path for path in paths if not (ROOT / path).exists()] == []


def wheel() -> dict[str, object]:
    """Return what pyproject.toml says goes into the wheel."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    target: dict[str, object] = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    return target


def ignored(path: Path) -> bool:
    """Return whether .gitignore, which the build heeds, leaves a file out."""
    lines = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    patterns = [line.strip("/") for line in lines if line and line[0] not in "#!"]
    name = name_of(path)
    parts = path.relative_to(ROOT).parts
    return any(
        fnmatch.fnmatch(name, p) or any(fnmatch.fnmatch(x, p) for x in parts) for p in patterns
    )


def test_the_wheel_takes_every_file_of_the_catalogue():
    assert wheel().keys() == {"packages", "force-include"}  # nothing is picked or left out
    assert wheel()["packages"] == list(ROOMS)
    catalogue = sorted((ROOT / "analysis" / "exercises" / "catalogue").iterdir())
    assert {path.suffix for path in catalogue} == {".toml"}
    texts = sorted((ROOT / "hipturn" / "words").glob("*.toml"))
    assert [path.stem for path in texts] == ["de", "en", "es"]
    assert [name_of(path) for path in (*catalogue, *texts) if ignored(path)] == []


def test_what_the_wheel_adds_to_the_packages_is_there():
    included = wheel()["force-include"]
    assert isinstance(included, dict)
    # Git keeps no empty folder, and the build refuses a missing one.
    assert [source for source in included if not any((ROOT / source).glob("*"))] == []
    assert included["recordings/demo"] == "hipturn/demo"


def test_the_wheel_takes_every_file_of_the_firmware():
    included = wheel()["force-include"]
    assert isinstance(included, dict)
    assert included["firmware_config"] == "imu/firmware_config"
    firmware = ROOT / "firmware_config" / "reference_unit"
    files = [path for kind in ("*.py", "*.md") for path in firmware.rglob(kind)]
    assert {"main.py", "README.md", "grid.py", "boot.py"} <= {path.name for path in files}
    assert [name_of(path) for path in files if ignored(path)] == []


def test_the_version_is_the_newest_entry_of_the_changelog():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## \[(\d[^\]]*)\] - \d{4}-\d{2}-\d{2}$", text, re.MULTILINE)
    assert versions[0] == hipturn.__version__
    first = text.split("\n## ")[1]
    assert "### Changes to the numbers" in first


def commands_in(text: str) -> Iterator[list[str]]:
    """Yield every hipturn command line of a page: in shell examples and between backticks."""
    prose = FENCE.sub("", text)
    lines = re.findall(r"`(hipturn [^`]*)`", prose)
    for language, body in FENCE.findall(text):
        if language in ("sh", "shell", "bash", "console"):
            joined = body.replace("\\\n", " ")
            lines += [part for line in joined.splitlines() for part in re.split(r"&&|\||;", line)]
    for line in lines:
        words = shlex.split(line.replace("…", ""), comments=True)
        while words and (words[0] == "$" or re.fullmatch(r"[A-Z_]+=.*", words[0])):
            words = words[1:]
        if words and words[0] == "hipturn":
            yield words[1:]


def unknown_words(words: list[str]) -> Iterator[str]:
    """Yield the commands and options of a command line that hipturn does not have."""
    command: click.Command = cli
    context = click.Context(cli)
    for word in words:
        if word.startswith("-"):
            options = {name for p in command.get_params(context) for name in p.opts}
            options |= {name for p in command.get_params(context) for name in p.secondary_opts}
            if word.partition("=")[0] not in options:
                yield f"{command.name} {word}"
        elif isinstance(command, click.Group):
            if word not in command.commands:
                yield word
                return
            command = command.commands[word]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_of_a_page_exists_with_its_options(page):
    text = page.read_text(encoding="utf-8")
    assert [unknown for words in commands_in(text) for unknown in unknown_words(words)] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_name_in_a_python_example_exists(page):
    for language, body in FENCE.findall(page.read_text(encoding="utf-8")):
        if language != "python":
            continue
        for node in ast.walk(ast.parse(textwrap.dedent(body))):
            if isinstance(node, ast.ImportFrom) and of_project(node.module or ""):
                module = importlib.import_module(node.module or "")
                assert [a.name for a in node.names if not hasattr(module, a.name)] == []
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert node.value.id != "hipturn" or node.attr in hipturn.__all__


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_of_a_page_leads_somewhere(page):
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    links = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'src="([^"]+)"', text)
    local = [link.partition("#")[0] for link in links if "://" not in link]
    assert [link for link in local if link and not (page.parent / link).exists()] == []


def test_readme_shows_a_command_and_a_python_example():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert any(words[:1] == ["live"] for words in commands_in(text))
    assert any(language == "python" for language, _ in FENCE.findall(text))
