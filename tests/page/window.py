"""A browser window in the words of these tests."""

from __future__ import annotations

import contextlib
import shutil
import time

import pytest

SIZES = {
    "phone": (390, 844),
    "on its side": (844, 390),
    "tablet": (820, 1180),
    "laptop": (1440, 900),
}

AFAR = {
    "small phone": (360, 740),
    "small phone on its side": (740, 360),
    "small tablet": (768, 1024),
    "small laptop": (1366, 768),
}
"""Where the read-out is measured: what stands two metres away is not large."""

# What must not lie over one another, nor out of the window, while somebody exercises.
PARTS = "#head, #angles, #leg, #count, #trace, #foot, .angle .num"
LAYOUT = """
const shown = [...document.querySelectorAll(arguments[0])]
  .filter(n => n.checkVisibility({opacityProperty: true})) // buttons that wait for a tap
  .map(n => [n.id || n.className, n.getBoundingClientRect()])
  .filter(([, b]) => b.width && b.height);
const bad = [];
for (const [name, b] of shown) {
  if (b.left < -1 || b.top < -1 || b.right > innerWidth + 1 || b.bottom > innerHeight + 1)
    bad.push(name + " is outside");
  if (b.width < 24 || b.height < 24) bad.push(name + " is tiny");
}
for (const [one, a] of shown) for (const [other, b] of shown) {
  if (one >= other || [one, other].includes("num") && [one, other].includes("angles")) continue;
  const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
  const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  if (wide > 1 && high > 1) bad.push(one + " lies over " + other);
}
const root = document.scrollingElement;
if (root.scrollHeight > innerHeight + 1 || root.scrollWidth > innerWidth + 1)
  bad.push("the page scrolls");
for (const b of document.querySelectorAll("#foot button, #foot a")) {
  const r = b.getBoundingClientRect();
  if (r.right > innerWidth + 1 || r.bottom > innerHeight + 1 || r.left < -1)
    bad.push(b.id + " is cut");
  if (b.scrollWidth > b.clientWidth + 1) bad.push(b.id + " has no room for its words");
}
return bad;
"""


def eventually(found, seconds=60.0, every=0.03):
    """Return what becomes true, or fail."""
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(Exception):
            value = found()
            if value:
                return value
        assert time.monotonic() < end, f"it did not happen within {seconds} s"
        time.sleep(every)


def found_browser():
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    return None


def headless(*more, patience_s=30):
    """Return a headless Chromium with its service, or skip; `more` are further arguments of it."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    program, driver = found_browser(), shutil.which("chromedriver")
    if not program or not driver:
        pytest.skip("there is no chromium with chromedriver: apt-get install chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--mute-audio",
        "--disable-extensions",
        *more,
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(driver)
    window = webdriver.Chrome(options=options, service=service)
    window.set_page_load_timeout(patience_s)
    window.set_script_timeout(patience_s)
    return window, service


class Page:
    """The browser's one window, in the words of these tests."""

    def __init__(self, window, pid):
        self.window = window
        self.pid = pid
        self.find = window.find_element
        self.run = window.execute_script

    def open(self, url, size="phone"):
        self.window.get("about:blank")
        self.window.get_log("browser")
        self.size(size)
        self.window.get(url)
        eventually(lambda: self.view() != "loading")

    def size(self, name):
        width, height = (SIZES | AFAR)[name]
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.window.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.run(
            "return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    def view(self):
        return self.run("return document.body.dataset.view")

    def misplaced(self):
        """Return what lies over something else, or out of the window."""
        return self.run(LAYOUT, PARTS)

    def text(self, name):
        return self.run("return document.getElementById(arguments[0])?.textContent", name)

    def number(self, leg=""):
        """Return a leg's number as it is read: its sign is the arrow beside it."""
        return self.run(
            "const box = document.querySelector(arguments[0]), text = box?.querySelector('.num')"
            ".textContent; return text && text !== '– –'"
            " ? (box.classList.contains('out') ? '−' : '') + text + '°' : text",
            f".angle[data-side={leg}]" if leg else ".angle",
        )

    def angle_classes(self):
        return self.run("return document.querySelector('.angle').className").split()

    def sounds(self):
        return int(self.run("return document.documentElement.dataset.sounds ?? 0"))

    def click(self, name):
        eventually(
            lambda: self.run(
                "const b = document.getElementById(arguments[0]); return b && !b.disabled", name
            )
        )
        # the page draws a view afresh when news come: then the new button is the one to click
        from selenium.common.exceptions import StaleElementReferenceException

        def pressed():
            with contextlib.suppress(StaleElementReferenceException):
                self.find("id", name).click()
                return True
            return False

        eventually(pressed)

    def complaints(self):
        """Return what the console says that is worse than a remark."""
        return [e["message"] for e in self.window.get_log("browser") if e["level"] == "SEVERE"]

    def hosts(self):
        """Return every host that the page asked for anything."""
        return set(
            self.run(
                "return performance.getEntries().filter(e => e.name.includes('://'))"
                ".map(e => new URL(e.name).host)"
            )
        )
