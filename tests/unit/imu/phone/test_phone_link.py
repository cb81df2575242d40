"""The life of a phone's link: the events and sentences of each trouble, and no sample too many."""

from __future__ import annotations

import asyncio

import pytest
from phones import attitude, hand_rows

from imu.air.link_state import LinkEventKind, LinkState
from imu.air.radio_errors import RadioError
from imu.phone.batch import Batch, write_batch
from imu.phone.phone_link import QUEUE_LENGTH, PhoneLink, PhoneTrouble

ONE = "1" * 16
KINDS = LinkEventKind


class Held:
    """A link whose clock is turned by hand."""

    def __init__(self, **how):
        self.samples, self.events, self.now_s = [], [], 0.0
        self.link = PhoneLink(
            "right shank", 0, self.samples.append, self.events.append,
            lambda: int(self.now_s * 1e9), **how,
        )  # fmt: skip
        self.stop = asyncio.Event()

    async def send(self, rows, late_s=0.02, tells=True):
        """Send rows as a phone does, at their own times."""
        for i in range(0, len(rows), 3):
            part = tuple(rows[i : i + 3])
            self.now_s = max(self.now_s, part[-1].time_s + late_s)
            self.link.hear(write_batch(Batch(i, part[-1].time_s, part)))
            if tells:
                self.link.attitude(*attitude(part[-1]))
            else:
                await self.settle()

    async def settle(self):
        """Let the link work off what it has, and look at its clock."""
        for _ in range(6):
            await asyncio.sleep(0)

    async def wait(self, seconds):
        """Let time pass in which nothing comes."""
        self.now_s += seconds
        self.link._look(self.now_s)

    def kinds(self):
        return [event.kind for event in self.events if event.kind is not KINDS.STATE]

    def said(self):
        return [event.text for event in self.events if event.text]


def held(story, **how):
    """Run a story with a link; return what it left behind."""
    one = Held(**how)

    async def run():
        task = asyncio.create_task(one.link.run(one.stop))
        await asyncio.sleep(0)
        await story(one)
        one.stop.set()
        await task

    asyncio.run(run())
    return one


async def accepted(one, origin=1.0):
    one.link.hello(ONE, origin)
    await one.send(hand_rows())


def test_a_phone_is_asked_then_streams_and_every_batch_is_kept():
    one = held(accepted)
    assert one.kinds() == [KINDS.ASKED, KINDS.ASKED, KINDS.CONNECTED]
    assert "turn the phone over" in one.said()[0]
    assert one.link.state is LinkState.CLOSED
    assert one.link.said == "Done. You may take it off."
    assert one.link.counts.samples == len(one.samples) > 100
    kept = b"".join(sample.payload for sample in one.samples if sample.payload)
    sent = hand_rows()
    assert write_batch(Batch(0, 0.0, tuple(sent[-3:])))[16:] in kept  # the very last rows
    assert one.samples[0].payload is not None


def test_silence_is_told_and_the_same_clock_goes_on():
    async def story(one):
        await accepted(one)
        await one.wait(1.5)
        assert one.link.state is LinkState.SILENT
        await one.wait(3.0)
        assert one.link.state is LinkState.LOST
        one.link.hello(ONE, 1.0)
        await one.send([row._replace(time_s=row.time_s + 12.0) for row in hand_rows()[:60]])

    one = held(story)
    assert one.kinds()[2:] == [KINDS.CONNECTED, KINDS.LOST, KINDS.BACK]
    assert str(PhoneTrouble.NO_ANSWER) in one.said()


def test_a_page_that_was_opened_anew_is_a_new_clock():
    async def story(one):
        await accepted(one)
        one.link.hello(ONE, 2.0)
        one.now_s += 1.0
        await one.send(hand_rows()[:60])

    assert held(story).kinds()[2:] == [KINDS.CONNECTED, KINDS.RECONNECTED]


def test_a_short_loss_of_the_network_is_none():
    async def story(one):
        await accepted(one)
        await one.wait(0.8)
        one.link.hello(ONE, 1.0)
        await one.send([row._replace(time_s=row.time_s + 7.0) for row in hand_rows()[:60]])

    assert held(story).kinds()[2:] == [KINDS.CONNECTED]


@pytest.mark.parametrize(
    "trouble", [PhoneTrouble.HIDDEN, PhoneTrouble.REFUSED, PhoneTrouble.LET_GO]
)
def test_each_trouble_is_its_sentence_once(trouble):
    async def story(one):
        await accepted(one)
        one.link.trouble(trouble)
        one.link.trouble(trouble)
        assert one.link.said == str(trouble)
        await one.wait(1.5)
        await one.wait(4.0)
        one.link.trouble(None)

    one = held(story)
    told = [event for event in one.events if event.text == str(trouble)]
    assert [event.kind for event in told] == [KINDS.FAILED, KINDS.LOST]


def test_a_phone_that_was_slow_to_allow_its_motion_is_no_trouble_any_more():
    async def story(one):
        one.link.hello(ONE, 1.0)
        one.link.trouble(PhoneTrouble.REFUSED)
        assert one.link.said == str(PhoneTrouble.REFUSED)
        await one.send(hand_rows())
        await one.settle()
        assert one.link.said.startswith("streaming")

    held(story)


def test_a_late_network_is_told_with_how_late_it_is():
    async def story(one):
        await accepted(one)
        rows = [row._replace(time_s=row.time_s + 7.0) for row in hand_rows()]
        await one.send(rows, late_s=0.5)

    (late,) = [text for text in held(story).said() if "late" in text]
    assert "move closer to the router" in late
    assert late.startswith("the network is 0.")


def test_without_a_phone_it_ends_with_a_sentence():
    async def story(one):
        one.now_s = 601.0
        await asyncio.sleep(0.15)

    with pytest.raises(RadioError, match="within 10 minutes: scan the code"):
        held(story)


def test_more_than_can_wait_is_counted():
    async def story(one):
        one.link.hello(ONE, 1.0)
        room = [one.link.hear(b"") for _ in range(QUEUE_LENGTH + 3)]
        assert room.count(False) == 3

    one = held(story)
    assert one.link.counts.overflowed == 3
    assert one.samples == []


def test_its_charge_is_told_when_it_changes():
    async def story(one):
        for percent in (80, 80, 79):
            one.link.battery(percent)

    one = held(story)
    assert [e.value for e in one.events if e.kind is KINDS.BATTERY] == [80, 79]
