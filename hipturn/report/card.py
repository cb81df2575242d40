"""A plan on a card: what to do, how often, how it looks, on paper for the wearer.

The pictures are the page's own; the plan itself is the TOML file beside the card.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from matplotlib.patches import FancyBboxPatch, PathPatch
from matplotlib.path import Path as Outline
from matplotlib.transforms import Affine2D, Transform

from hipturn import __version__
from hipturn.errors import UserError
from hipturn.report.pages import report_style, write_sheets
from hipturn.report.sheet import Sheet, paragraph_height_in
from hipturn.report.words import DISCLAIMER
from hipturn.safety import SAFETY

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from hipturn.plan import Plan, PlanItem

POSES = Path(__file__).parent.parent / "page" / "poses"
PICTURE_IN = (1.8, 1.2)
"""Of a start position; its frame is 360 by 240."""
GAP_IN = 0.15
STOP = SAFETY[-2]
"""Said once, at the top."""
TITLE_PT, NAME_PT, STEP_PT = 18.0, 11.0, 9.0
HOW_MAX = 4
"""Steps of an exercise on a card: more are in `hipturn exercises ID`."""
BOLD_FROM = 550
"""Of a font's weight, as SVG counts it."""
_COMMAND = re.compile(r"([MLZz])([^MLZz]*)")
_TURN = re.compile(r"(translate|rotate)\(([^)]*)\)")


def write_card(plan: Plan, path: Path, paper: str = "a4") -> Path:
    """Write a plan as a card of one or more pages.

    Raises
    ------
    UserError
        When the path is no .pdf.
    """
    if path.suffix.lower() != ".pdf":
        raise UserError(f"{path}: a card is a .pdf file; name it so")
    path.parent.mkdir(parents=True, exist_ok=True)
    with report_style():
        sheets = [Sheet(paper)]
        _head(sheets[0], plan)
        for number, item in enumerate(plan.items, start=1):
            if _height_in(sheets[-1], item) > sheets[-1].left_in:
                sheets.append(Sheet(paper))
            _item(sheets[-1], number, item)
        for number, sheet in enumerate(sheets, start=1):
            whose = f"   ·   wearer {plan.wearer}" if plan.wearer else ""
            left = f"{DISCLAIMER}{whose}   ·   hipturn {__version__}"
            sheet.foot(left, f"page {number} of {len(sheets)}")
        return write_sheets(sheets, path, f"Plan {plan.name}{whose}")


def _head(sheet: Sheet, plan: Plan) -> None:
    sheet.write(plan.name, TITLE_PT, weight="bold", gap_in=0.05)
    if plan.wearer:
        sheet.write(f"Wearer {plan.wearer}", NAME_PT, gap_in=0.05)
    if plan.note:
        sheet.write(plan.note, STEP_PT, gap_in=0.08)
    sheet.write(STOP, STEP_PT)
    sheet.rule()


def _lines(item: PlanItem) -> Iterator[tuple[str, float]]:
    """Yield what stands beside the picture of one exercise, with the size of its letters."""
    exercise, dose = item.entry, item.dose
    yield exercise.name, NAME_PT
    sides = ", then ".join(
        f"{side} legs" if side == "both" else f"{side} leg" for side in item.sides
    )
    amount = f"{_span(dose.reps)} times" if exercise.is_counted else "once"
    hold = f", hold {_span(dose.hold_s)} s" if dose.hold_s[1] else ""
    sets = f"{dose.sets} sets of {amount}" if dose.sets > 1 else amount
    yield f"{sides[:1].upper()}{sides[1:]}: {sets}{hold}; rest {item.rest_s:g} s.", STEP_PT
    if item.goal_deg:
        goals = ", ".join(f"{side} {value:g}°" for side, value in item.goal_deg.items())
        yield f"Aim at: {goals}.", STEP_PT
    if item.note:
        yield item.note, STEP_PT
    for number, step in enumerate(exercise.how[:HOW_MAX], start=1):
        yield f"{number}. {step}", STEP_PT
    for caution in exercise.cautions:
        if caution != STOP:
            yield f"Careful: {caution}", STEP_PT


def _span(span: tuple[float, float]) -> str:
    low, high = span
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _height_in(sheet: Sheet, item: PlanItem) -> float:
    width_in = sheet.width_in - PICTURE_IN[0] - GAP_IN
    text_in = sum(paragraph_height_in(text, width_in, size) for text, size in _lines(item))
    return max(text_in, PICTURE_IN[1]) + 2 * GAP_IN


def _item(sheet: Sheet, number: int, item: PlanItem) -> None:
    top_in, height_in = sheet.y_in, _height_in(sheet, item)
    side = "right" if item.sides[0] == "both" else item.sides[0]
    draw_picture(POSES / f"{item.entry.position}_{side}.svg", sheet.axes(0.0, *PICTURE_IN))
    for order, (text, size_pt) in enumerate(_lines(item)):
        bold = order == 0
        said = f"{number}  {text}" if bold else text
        sheet.write(said, size_pt, x_in=PICTURE_IN[0] + GAP_IN, weight="bold" if bold else "normal")
    sheet.y_in = top_in + height_in - GAP_IN
    sheet.rule(GAP_IN)


def draw_picture(path: Path, ax: Axes) -> None:
    """Draw one of the page's pictures: its rectangles, straight paths and words.

    Raises
    ------
    OSError
        When there is no such picture.
    """
    root = ElementTree.parse(path).getroot()  # noqa: S314 - a picture of ours
    left, top, width, height = (float(n) for n in root.get("viewBox", "0 0 360 240").split())
    ax.set_xlim(left, left + width)
    ax.set_ylim(top + height, top)
    ax.set_aspect("equal")
    ax.axis("off")
    inch_per_unit = PICTURE_IN[0] / width
    for shape, turn in _shapes(root, Affine2D()):
        if shape.tag.endswith("}text"):
            _write(shape, ax, inch_per_unit * 72.0, root.get("fill", "black"))
            continue
        patch = _patch(shape)
        if patch is None:
            continue
        patch.set_transform(turn + ax.transData)
        patch.set_linewidth(float(shape.get("stroke-width", "1")) * inch_per_unit * 72.0)
        patch.set_facecolor(
            _colour(shape, "fill", "black" if shape.get("stroke") is None else "none")
        )
        patch.set_edgecolor(_colour(shape, "stroke", "none"))
        patch.set_capstyle("round")
        patch.set_joinstyle("round")
        patch.set_alpha(float(shape.get("opacity", "1")))
        ax.add_patch(patch)


def _write(text: ElementTree.Element, ax: Axes, pt_per_unit: float, colour: str) -> None:
    """Write the words of a picture."""
    ax.text(
        float(text.get("x", "0")),
        float(text.get("y", "0")),
        "".join(text.itertext()),
        fontsize=float(text.get("font-size", "16")) * pt_per_unit,
        fontweight="bold" if int(text.get("font-weight", "400")) > BOLD_FROM else "normal",
        color=_colour(text, "fill", colour),
        ha={"end": "right", "middle": "center"}.get(text.get("text-anchor", "start"), "left"),
    )


def _shapes(
    group: ElementTree.Element, turn: Transform
) -> Iterator[tuple[ElementTree.Element, Transform]]:
    """Yield the shapes of a picture with what moves each; what is moved inside goes first."""
    for child in group:
        own = Affine2D()
        for name, numbers in reversed(_TURN.findall(child.get("transform", ""))):
            values = [float(n) for n in re.split(r"[ ,]+", numbers.strip())]
            own = own.translate(*values) if name == "translate" else own.rotate_deg(values[0])
        if child.tag.endswith("}g"):
            yield from _shapes(child, own + turn)
        else:
            yield child, own + turn


def _patch(shape: ElementTree.Element) -> Any:  # noqa: ANN401 (a matplotlib patch)
    def number(name: str) -> float:
        return float(shape.get(name, "0"))

    kind = shape.tag.rpartition("}")[2]
    if kind == "rect":
        corner = (number("x"), number("y"))
        style = f"round,pad=0,rounding_size={number('rx')}"
        return FancyBboxPatch(corner, number("width"), number("height"), boxstyle=style)
    if kind == "path":
        return PathPatch(_outline(shape.get("d", "")))
    return None


def _outline(text: str) -> Outline:
    """Return a path of straight lines."""
    points: list[tuple[float, float]] = []
    codes: list[Any] = []
    for command, numbers in _COMMAND.findall(text):
        values = [float(n) for n in re.split(r"[ ,]+", numbers.strip()) if n]
        if command in "Zz":
            points.append(points[0])
            codes.append(Outline.CLOSEPOLY)
        else:
            pairs = list(zip(values[::2], values[1::2], strict=True))
            points += pairs
            first = Outline.MOVETO if command == "M" else Outline.LINETO
            codes += [first] + [Outline.LINETO] * (len(pairs) - 1)
    return Outline(points, codes)


def _colour(shape: ElementTree.Element, name: str, default: str) -> str:
    return shape.get(name, default)
