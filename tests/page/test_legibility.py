"""What is shown in a session is measured as the eye sees it, in minutes of arc from two metres."""

from __future__ import annotations

import math

import pytest
from window import AFAR, eventually

from hipturn.words import languages, words_of

DISTANCE_MM = 2000.0
WIDTH_MM = {
    "small phone": 65.0,
    "small phone on its side": 65.0 * 740 / 360,
    "small tablet": 148.0,  # 9.7 inches
    "small laptop": 294.0,  # 13.3 inches
}
LEAST = 20.0
LEAST_INSTRUCTION_UPRIGHT = 15.0
# Every text that is drawn and is no button's: its words, the height of its capitals in pixels,
# whether it is an instruction, and whether it stays inside its box.
TEXTS = """
const ruler = document.createElement("canvas").getContext("2d");
const found = [...(window.drawnTexts ?? [])];
const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walk.nextNode()) {
  const node = walk.currentNode, of = node.parentElement;
  if (!node.textContent.trim()) continue;
  if (of.closest("button, a, dialog, .unseen, #title, script")) continue;
  if (!of.checkVisibility({opacityProperty: true, visibilityProperty: true})) continue;
  const style = getComputedStyle(of);
  ruler.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
  const range = document.createRange();
  range.selectNodeContents(node);
  const at = (of.closest(".words") ? of : range).getBoundingClientRect(); // lines, or glyphs
  const around = of.closest(".words, .angle, #count > div, #guideDone, #banner");
  const box = (around ?? document.documentElement).getBoundingClientRect();
  const cap = ruler.measureText("H").actualBoundingBoxAscent;
  const middle = (at.top + at.bottom) / 2, lines = of.closest(".words") ? at.height / 2 : cap / 2;
  const inside = at.left >= box.left - 1 && at.right <= box.right + 1
    && middle - lines >= box.top - 1 && middle + lines <= box.bottom + 1;
  found.push([node.textContent.trim(), cap, Boolean(of.closest(".words, #banner")), inside]);
}
return found;
"""
WATCH_CANVAS = """
window.drawnTexts = [];
const draw = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, ...at) {
  const px = parseFloat(this.font.match(/([0-9.]+)px/)[1]);
  if (this.canvas.checkVisibility()) window.drawnTexts.push([text, 0.7 * px, false, true]);
  draw.call(this, text, ...at);
};
"""
# Each instruction shown in turn, before the page draws again.
EACH_INSTRUCTION = """
return import('/page/distance.js').then(({say}) => arguments[0].map(text => {
  const box = document.getElementById("guideAsk");
  say(box, text);
  const inner = box.firstElementChild, style = getComputedStyle(inner);
  const ruler = document.createElement("canvas").getContext("2d");
  ruler.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
  const cut = inner.offsetHeight > box.clientHeight || inner.scrollWidth > box.clientWidth;
  return [text, ruler.measureText("H").actualBoundingBoxAscent, cut];
}));
"""


def instructions(language):
    """Return everything that is to be read from two metres, in a language."""
    words = words_of(language)
    keys = {key.split(".")[1] for key in words.texts if key.startswith("distance.")}
    filled = [{"n": n, "unit": "right shank", "asked": asked} for n, asked in POSES]
    return sorted({words(f"distance.{key}", **values) for key in keys for values in filled})


POSES = ((1, "floor"), (5, "side_lying"))


def minutes(cap_px, size):
    """Return the height of capitals in minutes of arc."""
    millimetres = cap_px * WIDTH_MM[size] / AFAR[size][0]
    return 60 * math.degrees(math.atan(millimetres / DISTANCE_MM))


def measured(browser, size, what):
    """Print how large everything on the screen is; return the complaints."""
    upright = AFAR[size][0] < AFAR[size][1]
    wrong = browser.misplaced()
    seen = {}
    for text, cap_px, instruction, inside in browser.run(TEXTS):
        large = minutes(cap_px, size)
        seen[text] = f"{text} {large:.0f}′"
        least = LEAST_INSTRUCTION_UPRIGHT if instruction and upright else LEAST
        if large < least:
            wrong.append(f"{text!r} has {large:.1f}′ of {least}′")
        if not inside:
            wrong.append(f"{text!r} is cut")
    print(f"{size}, {what}: {', '.join(seen.values())}")
    return [f"{size}, {what}: {one}" for one in wrong]


def counted(feed, sides, reps=10, **more):
    feed.live(sides=sides, **more)
    leg = {"step": "ready", "checks": [], "sign": "good", "start_deg": 0.0}
    feed.do(feed.hub.newest, {"type": "calibration", "legs": dict.fromkeys(sides, leg)}, keep=True)
    count = {side: {"set": 1, "reps": reps} for side in sides}
    feed.do(feed.hub.newest, {"type": "count", **count}, keep=True)


def shown(feed, browser, degs, phase="up"):
    """Show angles and wait until they are on the screen."""
    legs = {
        side: {
            "deg": deg,
            "sd": 0.6,
            "phase": phase,
            "hold": 2.4,
            "leg": [990, 0, -140, 0, 9, -950],
        }
        for side, deg in degs.items()
    }
    feed.do(feed.hub.newest, {"type": "frame", "time_s": 1.0, **legs})
    first = next(iter(degs.values()))
    text = "– –" if first is None else f"{first}°".replace("-", "−")
    eventually(lambda: browser.number() == text, 3)
    browser.run("return new Promise(done => setTimeout(done, 120))")  # the counters follow


@pytest.mark.parametrize("sides", [["right"], ["left", "right"]], ids=["one leg", "both legs"])
def test_nothing_in_a_set_is_smaller_than_twenty_minutes_of_arc(feed, browser, sides):
    counted(feed, sides, reps=10, plan={"side": sides[0], "target_deg": 30.0, "reps": 12})
    browser.open(feed.url, "small phone")
    browser.run(WATCH_CANVAS)
    eventually(lambda: browser.run("return document.getElementById('guide').hidden"), 8)
    wrong = []
    for number, size in enumerate(AFAR):
        browser.size(size)
        browser.run(
            "document.documentElement.dataset.theme = arguments[0]", ["dark", "light"][number % 2]
        )
        shown(feed, browser, dict.fromkeys(sides, 28))
        wrong += measured(browser, size, "moving")
        shown(feed, browser, dict.fromkeys(sides, -31), phase="hold")
        wrong += measured(browser, size, "holding")
        shown(feed, browser, dict.fromkeys(sides, 104))
        wrong += measured(browser, size, "three digits")
        feed.units(silent_s=2.0, state="lost")
        shown(feed, browser, dict.fromkeys(sides, 20) | {"right": None})
        wrong += measured(browser, size, "a leg lost")
        feed.units()
    wrongs = [{"id": "1", "key": "silent", "args": {"unit": "right shank"}, "can": ["done"]}]
    feed.do(feed.hub.newest, {"type": "conditions", "conditions": wrongs})
    eventually(lambda: browser.text("banner"), 3)
    for size in AFAR:
        browser.size(size)
        shown(feed, browser, dict.fromkeys(sides, 28))
        wrong += measured(browser, size, "something is wrong")
    counted(feed, sides, paused=True)
    feed.do(feed.hub.newest, {"type": "conditions", "conditions": []})
    eventually(lambda: not browser.text("banner"), 3)
    for size in AFAR:
        browser.size(size)
        shown(feed, browser, dict.fromkeys(sides, 28))
        wrong += measured(browser, size, "paused")
    assert not wrong, "\n".join(wrong)
    assert browser.complaints() == []


@pytest.mark.parametrize("language", languages())
def test_no_instruction_is_smaller_than_its_distance_allows(feed, browser, language):
    feed.live()
    browser.open(f"{feed.url}&lang={language}", "small phone")
    leg = {"step": "stand", "checks": [], "sign": "open", "start_deg": None}
    feed.do(feed.hub.newest, {"type": "calibration", "legs": {"right": leg}}, keep=True)
    eventually(lambda: browser.run("return !document.getElementById('guide').hidden"), 8)
    assert browser.run("return document.documentElement.lang") == language
    wrong = []
    for size in AFAR:
        browser.size(size)
        wrong += measured(browser, size, f"{language}, calibration")
        upright = AFAR[size][0] < AFAR[size][1]
        for text, cap_px, cut in browser.run(EACH_INSTRUCTION, instructions(language)):
            large = minutes(cap_px, size)
            print(f"{size}: {text} {large:.0f}′")
            if cut or large < (LEAST_INSTRUCTION_UPRIGHT if upright else LEAST):
                wrong.append(f"{size}: {text!r} has {large:.1f}′, cut: {cut}")
    assert not wrong, "\n".join(wrong)


def test_no_word_for_a_distance_is_wider_than_a_phone(feed, browser):
    feed.live(stage="home")
    browser.open(feed.url, "small phone")
    told = {
        word for language in languages() for text in instructions(language) for word in text.split()
    }
    wide = browser.run(
        "const ruler = document.createElement('canvas').getContext('2d');"
        "ruler.font = `700 66px ${getComputedStyle(document.documentElement).fontFamily}`;"
        "return arguments[0].map(word => [word, ruler.measureText(word).width])",
        sorted(told),
    )
    assert not [(word, px) for word, px in wide if px > 340], wide


def test_the_sign_is_an_arrow_as_tall_as_the_digits_and_is_read_out(feed, browser):
    feed.live()
    browser.open(feed.url, "small phone")
    eventually(lambda: browser.run("return document.getElementById('guide').hidden"), 8)
    label = "return document.querySelector('.angle .num').ariaLabel"
    for deg, says in ((22, "22° internal rotation"), (-22, "22° external rotation")):
        shown(feed, browser, {"right": deg})
        assert browser.run(label) == says
        arrow, digits = browser.run(
            "return [document.querySelector('.angle .arrow').getBoundingClientRect().height,"
            " 0.73 * parseFloat(getComputedStyle(document.querySelector('.num')).fontSize)]"
        )
        assert arrow == pytest.approx(digits, rel=0.03)


def test_what_is_small_waits_behind_more(feed, browser):
    feed.live()
    browser.open(feed.url, "small phone")
    eventually(lambda: browser.run("return document.getElementById('guide').hidden"), 8)
    browser.click("moreButton")

    def told():
        feed.units(silent_s=3.0, state="lost")
        return browser.find("id", "more").text

    eventually(lambda: "right shank unit silent" in told() and "R shank\nlost" in told(), 8)
    browser.find("css selector", "#more button").click()
    assert not browser.find("id", "more").is_displayed()


def test_on_a_phone_on_its_side_the_buttons_come_with_a_tap(feed, browser):
    feed.live()
    browser.open(feed.url, "small phone on its side")
    eventually(lambda: browser.run("return document.getElementById('guide').hidden"), 8)
    shows = "return document.getElementById('stop').checkVisibility({opacityProperty: true})"
    eventually(lambda: not browser.run(shows), 3)
    browser.find("id", "main").click()
    eventually(lambda: browser.run(shows), 3)
    browser.click("stop")
    eventually(lambda: feed.obeyed == [{"do": "stop"}], 3)
