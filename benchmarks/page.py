"""How quickly an angle is on the screen, what the page costs, how long a jump in an hour takes.

Needs chromium with chromedriver. Prints what was measured beside what is promised.
"""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from selenium import webdriver

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "page"))

from made_up import Feed  # noqa: E402 (the tests' server)
from window import Page, eventually, found_browser  # noqa: E402

import hipturn  # noqa: E402
from hipturn.session_paths import demo_root  # noqa: E402
from imu.recording import SessionHeader, SessionWriter  # noqa: E402

STEPS = 120
STEP_S = 0.25
RATE_HZ = 60
WATCH = """
window.seen = [];
const later = new MessageChannel();
let waiting = null;
later.port1.onmessage = () => {
  window.seen.push([waiting, performance.timeOrigin + performance.now()]);
};
new MutationObserver(() => {
  waiting = document.querySelector('.num').textContent;
  later.port2.postMessage(0); // answered once the frame that shows it has been given to the screen
}).observe(document.querySelector('.num'), {childList: true, subtree: true});
"""


def browser() -> Page:
    """Return a headless Chromium."""
    options = webdriver.ChromeOptions()
    options.binary_location = found_browser() or ""
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    window = webdriver.Chrome(options=options, service=service)
    return Page(window, service.process.pid)


def push(feed: Feed, steps: int) -> list[tuple[str, float]]:
    """Show read-outs at 60 Hz whose angle steps four times a second; return when each came."""
    sent, begun, last = [], time.perf_counter(), -1
    for n in range(round(steps * STEP_S * RATE_HZ)):
        step = int(n / RATE_HZ / STEP_S)
        deg = 100 + step % 50
        if step != last:
            last = step
            sent.append((f"{deg}", time.time() * 1000))
        feed.frame(float(deg), time_s=n / RATE_HZ, aside=n % 600 - 300)
        time.sleep(max(0.0, begun + (n + 1) / RATE_HZ - time.perf_counter()))
    return sent


def latency_and_cost() -> None:
    """Print the time from a pushed angle to the screen, and the server's share of a core."""
    feed = Feed()
    feed.live()
    pages = [browser(), browser()]
    try:
        for page in pages:
            page.open(feed.url)
        eventually(lambda: pages[0].run("return document.getElementById('guide').hidden"), 8)
        feed.frame(99.0)
        eventually(lambda: pages[0].number() == "99°", 3)
        pages[0].run(WATCH)
        cpu, wall = time.process_time(), time.perf_counter()
        sent = push(feed, STEPS)
        share = (time.process_time() - cpu) / (time.perf_counter() - wall)
        time.sleep(0.3)
        seen = pages[0].run("return window.seen")
        took, at = [], 0
        for text, sent_ms in sent:
            hit = next((k for k in range(at, len(seen)) if seen[k][0] == text), None)
            if hit is not None:
                took.append(seen[hit][1] - sent_ms)
                at = hit + 1
        print(f"angles that came to the screen     {len(took)} of {len(sent)}")
        print(f"pushed to on the screen, median    {np.median(took):6.1f} ms   (promised 50)")
        print(
            f"pushed to on the screen, 99 %      {np.percentile(took, 99):6.1f} ms   (promised 100)"
        )
        print(f"server, two viewers at 60 Hz       {100 * share:6.1f} % of a core   (promised 6)")
        frames_when_slow(feed, pages[0])
    finally:
        for page in pages:
            page.window.quit()
        feed.close()


def frames_when_slow(feed: Feed, page: Page) -> None:
    """Print the frames a second of a browser on a processor six times as slow."""
    page.window.execute_cdp_cmd("Emulation.setCPUThrottlingRate", {"rate": 6})
    thread = threading.Thread(target=push, args=(feed, 32))
    thread.start()
    time.sleep(2.0)
    count = "return [window.hipturnFrames, performance.now()]"
    first = page.run(count)
    time.sleep(5.0)
    last = page.run(count)
    thread.join()
    page.window.execute_cdp_cmd("Emulation.setCPUThrottlingRate", {"rate": 1})
    rate = (last[0] - first[0]) / (last[1] - first[1]) * 1000
    print(f"frames a second, six times slower  {rate:6.1f}   (promised 55)")


def hour(folder: Path) -> Path:
    """Return a session of an hour: a demo session again and again."""
    session = hipturn.open(demo_root() / "seated_internal_rotation")
    samples = list(session.samples())
    length_ns = samples[-1].host_time_ns + 16_666_667
    ticks = length_ns // 1000
    header = SessionHeader(
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
        exercise=session.header.exercise,
        side=session.header.side,
        units=session.header.units,
        source="virtual",
        software="benchmark",
    )
    with SessionWriter.create(folder / "hour", header) as writer:
        for turn in range(-(-3600 * 10**9 // length_ns)):
            for s in samples:
                assert s.device_time is not None
                writer.write(
                    s._replace(
                        host_time_ns=s.host_time_ns + turn * length_ns,
                        device_time=(s.device_time + turn * ticks) % 2**32,
                        sequence=None,
                    )
                )
        for event in session.events():
            writer.event(event)
    return folder


def jumps() -> None:
    """Print how long jumps in a recording of an hour take."""
    with tempfile.TemporaryDirectory() as name:
        feed = Feed(root=hour(Path(name)))
        page = browser()
        try:
            feed.live(stage="home")
            begun = time.perf_counter()
            page.open(feed.url + "#session=hour&t=10", "laptop")
            eventually(lambda: (page.text("clock") or "").startswith("0:10"), 180)
            print(f"an hour opened                     {time.perf_counter() - begun:6.1f} s")
            took = []
            for _ in range(30):
                moment = random.uniform(0, 3600)  # noqa: S311
                took.append(
                    page.window.execute_async_script(
                        "const done = arguments[1], s = document.getElementById('seek');"
                        "const a = performance.now();"
                        "s.value = arguments[0]; s.dispatchEvent(new Event('input'));"
                        "requestAnimationFrame(() => setTimeout("
                        "() => done(performance.now() - a)));",
                        moment,
                    )
                )
            print(f"a jump in it, slowest of 30        {max(took):6.1f} ms   (promised 200)")
        finally:
            page.window.quit()
            feed.close()


if __name__ == "__main__":
    latency_and_cost()
    if "--quick" not in sys.argv:
        jumps()
