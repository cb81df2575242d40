"""Printing a result gives the report, page by page."""

from __future__ import annotations

import base64
import io

import pytest
from window import eventually


def test_printing_a_result_gives_the_report(feed, browser):
    pypdf = pytest.importorskip("pypdf")
    feed.live(stage="home")
    browser.open(feed.url + "#session=demo.seated_internal_rotation&t=40", "laptop")
    eventually(lambda: browser.view() == "replay" and browser.text("clock"), 30)
    browser.click("toResult")
    # without waiting for what is got ready by itself: the key asks for it
    browser.run("window.print = () => { window.printed = true; }")
    ready = "return document.querySelectorAll('#paper > div').length"
    eventually(lambda: "repetitions" in browser.text("card"), 60)
    browser.run("document.dispatchEvent(new KeyboardEvent('keydown', {key: 'p', ctrlKey: true}))")
    eventually(lambda: browser.run("return window.printed"), 90)
    pages = browser.run(ready)
    asked = {"paperWidth": 8.27, "paperHeight": 11.69, "printBackground": True}
    asked |= dict.fromkeys(("marginTop", "marginBottom", "marginLeft", "marginRight"), 0)
    printed = browser.window.execute_cdp_cmd("Page.printToPDF", asked)["data"]
    found = pypdf.PdfReader(io.BytesIO(base64.b64decode(printed))).pages
    assert len(found) == pages >= 2  # the cover, and a page for the exercise
    assert all(page.extract_text().strip() == "" for page in found)  # pictures, and no button
    assert all(len(page.images) == 1 for page in found)
    # what is shown next is not printed as this one's report
    browser.click("leave")
    eventually(lambda: browser.run(ready) == 0)
    assert browser.complaints() == []
