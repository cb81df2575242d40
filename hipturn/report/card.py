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
from hipturn.safety import SAFETY
from hipturn.words import ENGLISH, Said, Words, words_of

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


def write_card(plan: Plan, path: Path, paper: str = "a4", language: str = ENGLISH) -> Path:
    """Write a plan as a card of one or more pages, in a language.

    Raises
    ------
    UserError
        When the path is no .pdf.
    """
    if path.suffix.lower() != ".pdf":
        raise UserError(Said("trouble.card_pdf", path=str(path)))
    path.parent.mkdir(parents=True, exist_ok=True)
    with report_style():
        words = words_of(language)
        sheets = [Sheet(paper, words)]
        _head(sheets[0], plan)
        for number, item in enumerate(plan.items, start=1):
            if _height_in(sheets[-1], item) > sheets[-1].left_in:
                sheets.append(Sheet(paper, words))
            _item(sheets[-1], number, item)
        for number, sheet in enumerate(sheets, start=1):
            key = "report.foot" if plan.wearer else "report.foot_nobody"
            sheet.foot(
                Said(key, wearer=plan.wearer, version=__version__),
                Said("report.page_of", page=number, of=len(sheets)),
            )
        named = "card.title_of" if plan.wearer else "card.title"
        return write_sheets(sheets, path, words(named, plan=plan.name, wearer=plan.wearer))


def _head(sheet: Sheet, plan: Plan) -> None:
    sheet.write(plan.name, TITLE_PT, weight="bold", gap_in=0.05)
    if plan.wearer:
        sheet.write(Said("report.wearer", wearer=plan.wearer), NAME_PT, gap_in=0.05)
    if plan.note:
        sheet.write(plan.note, STEP_PT, gap_in=0.08)
    sheet.write(STOP, STEP_PT)
    sheet.rule()


def _lines(item: PlanItem) -> Iterator[tuple[str, float]]:
    """Yield what stands beside the picture of one exercise, with the size of its letters."""
    exercise, dose = item.entry, item.dose
    yield exercise.name, NAME_PT
    sides = Said("card.leg", side=item.sides[0])
    for side in item.sides[1:]:
        sides = Said("card.then", first=sides, then=Said("report.leg", side=side))
    once = not exercise.is_counted
    amount = Said("card.once") if once else Said("card.times", reps=_span(dose.reps))
    parts: list[str] = (
        [Said("card.sets", sets=dose.sets, amount=amount)] if dose.sets > 1 else [amount]
    )
    if dose.hold_s[1]:
        parts.append(Said("card.hold", seconds=_span(dose.hold_s)))
    dose_said = Said.together(parts, ", ")
    yield Said("card.dose", sides=sides, dose=dose_said, rest=item.rest_s), STEP_PT
    if item.goal_deg:
        goals = (Said("card.goal", side=side, deg=v) for side, v in item.goal_deg.items())
        yield Said("card.goals", goals=Said.together(goals, ", ")), STEP_PT
    if item.note:
        yield item.note, STEP_PT
    for number, step in enumerate(exercise.how[:HOW_MAX], start=1):
        yield Said("card.step", number=number, step=step), STEP_PT
    for caution in exercise.cautions:
        if caution != STOP:
            yield Said("card.careful", caution=caution), STEP_PT


def _span(span: tuple[float, float]) -> str:
    low, high = span
    return Said("card.number", low=low) if low == high else Said("card.span", low=low, high=high)


def _height_in(sheet: Sheet, item: PlanItem) -> float:
    width_in = sheet.width_in - PICTURE_IN[0] - GAP_IN
    text_in = sum(
        paragraph_height_in(text, width_in, sheet.words, size) for text, size in _lines(item)
    )
    return max(text_in, PICTURE_IN[1]) + 2 * GAP_IN


def _item(sheet: Sheet, number: int, item: PlanItem) -> None:
    top_in, height_in = sheet.y_in, _height_in(sheet, item)
    side = "right" if item.sides[0] == "both" else item.sides[0]
    picture = POSES / f"{item.entry.position}_{side}.svg"
    draw_picture(picture, sheet.axes(0.0, *PICTURE_IN), sheet.words)
    for order, (text, size_pt) in enumerate(_lines(item)):
        bold = order == 0
        said = Said("card.item", number=number, name=text) if bold else text
        sheet.write(said, size_pt, x_in=PICTURE_IN[0] + GAP_IN, weight="bold" if bold else "normal")
    sheet.y_in = top_in + height_in - GAP_IN
    sheet.rule(GAP_IN)


def draw_picture(path: Path, ax: Axes, words: Words) -> None:
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
            _write(shape, ax, inch_per_unit * 72.0, root.get("fill", "black"), words)
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


def _write(
    text: ElementTree.Element, ax: Axes, pt_per_unit: float, colour: str, words: Words
) -> None:
    """Write the words of a picture."""
    ax.text(
        float(text.get("x", "0")),
        float(text.get("y", "0")),
        " ".join(words.says(piece.strip()) for piece in text.itertext()),
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
