"""A browser window in the words of these tests."""

from __future__ import annotations

import contextlib
import shutil
import time

SIZES = {
    "phone": (390, 844),
    "on its side": (844, 390),
    "tablet": (820, 1180),
    "laptop": (1440, 900),
}


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
        width, height = SIZES[name]
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.window.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.run(
            "return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    def view(self):
        return self.run("return document.body.dataset.view")

    def text(self, name):
        return self.run("return document.getElementById(arguments[0])?.textContent", name)

    def number(self):
        return self.run("return document.querySelector('.angle .num')?.textContent")

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
