"""A phone that is made a unit by the page: two browsers, the computer's and the phone's."""

from __future__ import annotations

import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from window import eventually

sys.path.insert(0, str(Path(__file__).parents[1] / "phone"))

from browsers import PhoneInBrowser
from phones import hand_rows
from test_story import past_the_check

from hipturn.errors import UserError
from hipturn.server.serve import lan_address

pytest.importorskip("cryptography", reason="the extra [tls] is not installed")


@pytest.mark.long
def test_a_phone_scans_the_pages_code_and_is_the_unit(hipturn_page, browser):
    try:
        lan_address()
    except UserError as error:
        pytest.skip(str(error))
    _, url = hipturn_page("live")
    browser.open(url, "laptop")
    for button in ("next", "usePhone"):
        browser.click(button)
    address = "return document.querySelector('#invited .address')?.textContent"
    link = eventually(lambda: browser.run(address), 30)
    assert browser.run("return !!document.querySelector('#invited .qr path')")
    with closing(PhoneInBrowser()) as phone:
        phone.open(link)
        begun = time.monotonic()
        rows = hand_rows()
        still = [
            row._replace(time_s=row.time_s + 1.4 * k) for k in range(5, 40) for row in rows[:80]
        ]
        phone.feed([*rows, *still], lambda: time.monotonic() - begun)
        said = "return document.querySelector('#invited .said')?.textContent"
        eventually(lambda: browser.run(said).startswith("turn the phone over"), 20)
        eventually(lambda: "Leave the units on the table" in browser.text("card"), 30)
        past_the_check(browser, "Strap the phone on")  # a busy machine's phone is slow
        assert browser.run("return document.querySelector('#card img').src.includes('/phone_')")
        browser.click("homeButton")
        eventually(lambda: "Done" in phone.says(), 10)
    assert browser.complaints() == []
