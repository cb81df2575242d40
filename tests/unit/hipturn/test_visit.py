"""A visit, whatever people and units do: what is possible, what follows, and what is never lost."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from analysis.session.announcements import Announcement, Kind
from hipturn.course import (
    AFTER_SET_S,
    LAST_CARD_S,
    AdmitPhone,
    Append,
    BeginSession,
    Course,
    EndSession,
    FindUnits,
    Item,
    LeaveUnits,
    Recount,
    Refused,
    Stage,
    Undo,
    changed,
)
from hipturn.plan import PlanItem, load_plan, parse_plan
from hipturn.visit import STAGES, Visit
from imu.sample import Side

PLAN = parse_plan(
    {
        "items": [
            {"exercise": "ninety_ninety_lift", "sets": 2, "reps": 3, "rest_s": 12},
            {"exercise": "prone_windshield_wiper", "sets": 1, "rest_s": 5},
            {"exercise": "revolved_pyramid", "sides": ["left"], "hold_s": 10},
        ]
    },
    "mine",
)
COURSE = Course.of(PLAN)
ALL = sorted({do for commands in STAGES.values() for do in commands})
WORDS = {"choose", "new", "plan", "exercise", "side", "dose", "goal", "delay"}
ANSWERS = {
    "pain": {"level": 3},
    "effort": {"level": 10},
    "note": {"text": "x"},
    "count": {"reps": 9},
}


def values_of(do):
    return {"wearer": "K7", "course": COURSE, "delay_s": 10} if do in WORDS else ANSWERS.get(do, {})


class Folders:
    """Carries effects out as a driver would, and keeps every recording's state."""

    def __init__(self):
        self.open = self.begun = self.closed = 0
        self.linked = False

    def carry(self, effects):
        for effect in effects:
            if isinstance(effect, BeginSession):
                self.open += 1
                self.begun += 1
            elif isinstance(effect, LeaveUnits):
                self.linked = False
            assert self.open <= 1, "two sessions at once"
        return effects


def reached(side=Side.RIGHT, set_=1, reason="reps", kind=Kind.TARGET_REACHED):
    return Announcement(kind, 1.0, side, set_, 3, 3.0, reason)


class RandomVisit(RuleBasedStateMachine):
    """Anybody taps anything at any time, units come and go, samples bring what they bring."""

    def __init__(self):
        super().__init__()
        self.visit, self.folders = Visit(COURSE), Folders()
        self.closing = False

    def carry(self, effects):
        self.closing |= any(isinstance(effect, EndSession) for effect in effects)
        self.folders.carry(effects)

    @rule(do=st.sampled_from(ALL))
    def any_viewer_taps(self, do):
        before = self.visit.stage, self.visit.session
        if do in self.visit.can():
            self.carry(self.visit.command(do, values_of(do)))
            return
        with pytest.raises(Refused) as told:
            self.visit.command(do, values_of(do))
        assert str(told.value)
        assert (self.visit.stage, self.visit.session) == before

    @rule(data=st.data())
    def somebody_taps_a_button(self, data):
        do = data.draw(st.sampled_from(self.visit.can()))
        self.carry(self.visit.command(do, values_of(do)))

    @rule(steps=st.integers(1, 9))
    def somebody_goes_on_as_is_meant(self, steps):
        visit = self.visit
        taps = {"home": "wearer", "wearer": "nobody", "today": "next", "straps": "done"}
        taps |= {"ready": "start", "result": "again", "countdown": "now", "set": "stop"}
        for _ in range(steps):
            if visit.stage is Stage.UNITS:
                self.carry(visit.units_found(all_worn=True))
                visit.working = True
                self.carry(visit.units_rested(good=True))
            elif visit.stage is Stage.CALIBRATE and visit.session == "open":
                self.carry(visit.calibrated())
            elif taps.get(visit.stage) in visit.can():
                self.carry(visit.command(taps[visit.stage], values_of("nobody")))

    @precondition(lambda self: self.visit.stage is Stage.UNITS and self.visit.working)
    @rule(good=st.booleans(), all_worn=st.booleans())
    def units_are_found(self, good, all_worn):
        self.carry(self.visit.units_found(all_worn=all_worn))
        self.carry(self.visit.units_rested(good=good))

    @precondition(lambda self: self.visit.working)
    @rule()
    def units_are_not_found(self):
        self.carry(self.visit.failed("no unit is in range: switch one on"))

    @rule(seconds=st.sampled_from([0.1, 1.0, AFTER_SET_S, 10.0, 60.0]))
    def time_goes_on(self, seconds):
        self.carry(self.visit.tick(self.visit.now_s + seconds))

    @rule(labels=st.sampled_from([(), ("right shank",)]))
    def a_unit_is_lost_or_back(self, labels):
        self.visit.links(labels)

    @precondition(lambda self: self.folders.open)
    @rule()
    def the_legs_are_calibrated(self):
        self.carry(self.visit.calibrated())

    @precondition(lambda self: self.folders.open)
    @rule(
        side=st.sampled_from(Side), set_=st.integers(1, 3), reason=st.sampled_from(["reps", "hold"])
    )
    def a_dose_is_reached(self, side, set_, reason):
        self.carry(self.visit.hear(reached(side, set_, reason)))
        self.carry(self.visit.hear(reached(side, set_, reason, Kind.HOLD_END)))
        self.carry(self.visit.hear(reached(side, set_, kind=Kind.REP)))

    @precondition(lambda self: self.folders.open)
    @rule(problem=st.sampled_from(["", "", "a unit never sent data: switch it on"]))
    def a_session_is_closed(self, problem):
        """By an effect of the visit, or by itself: the seconds are over, a unit is misread."""
        self.folders.open -= 1
        self.folders.closed += 1
        self.closing = False
        self.carry(self.visit.session_ended(problem))

    @invariant()
    def the_visit_knows_of_the_session(self):
        assert (self.visit.session != "none") == bool(self.folders.open)
        assert self.folders.begun == self.folders.closed + self.folders.open
        assert self.closing == (self.visit.session == "closing")
        if self.visit.stage in (Stage.CALIBRATE, Stage.SET):
            assert self.folders.open
        elif self.visit.stage is not Stage.RESULT:
            assert self.visit.session != "open"  # every recording is closed or is being closed

    @invariant()
    def each_button_is_obeyed_and_something_is_always_possible(self):
        assert self.visit.can()
        assert all(not self.visit.why_not(do) for do in self.visit.can())

    @invariant()
    def home_is_within_three_commands(self):
        assert distance_home(self.visit) <= 3

    def teardown(self):
        for _ in range(3):
            if self.visit.stage is Stage.HOME:
                break
            do = "home" if "home" in self.visit.can() else "stop"
            self.carry(self.visit.command(do))
        assert self.visit.stage is Stage.HOME
        if self.folders.open:
            assert self.closing
            self.a_session_is_closed("")
        assert self.folders.open == 0


def distance_home(visit):
    """Return how many taps lead home from here: home where it is offered, else stop."""
    leads = {Stage.CALIBRATE: 2, Stage.SET: 3, Stage.RESULT: 2, Stage.HOME: 0}
    wanted = "stop" if visit.stage in leads else "home"
    assert visit.stage is Stage.HOME or wanted in visit.can()
    return leads.get(visit.stage, 1)


HEALTH = list(HealthCheck)
TestRandomVisits = pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")(
    RandomVisit.TestCase
)
TestRandomVisits.settings = settings(
    max_examples=25, stateful_step_count=40, deadline=None, suppress_health_check=HEALTH
)


@pytest.mark.long
class TestTwoThousandVisits(RandomVisit.TestCase):
    settings = settings(
        max_examples=2000, stateful_step_count=40, deadline=None, suppress_health_check=HEALTH
    )


# -- by hand -------------------------------------------------------------------------------------


def ready(course, *, all_worn=True):
    """Return a visit whose units are found and strapped on."""
    visit = Visit(course)
    for do in ("wearer", "nobody", "next"):
        visit.command(do)
    visit.units_found(all_worn=all_worn)
    visit.units_rested(good=True)
    visit.command("done")
    return visit


def walked(visit, *, say=lambda effects: None):
    """Do whatever the visit asks for, without a tap, until nothing goes on by itself."""
    sets = 0
    for _ in range(2_000):
        effects = visit.tick(visit.now_s + 0.5)
        say(effects)
        if visit.stage is Stage.CALIBRATE and visit.session == "open":
            visit.calibrated()
            sets = 0
        elif visit.stage is Stage.SET and visit._set_ends_s > 1e9:
            sets += 1
            for side in Side:
                for kind, reason in ((Kind.TARGET_REACHED, "reps"), (Kind.TARGET_REACHED, "hold")):
                    visit.hear(reached(side, sets, reason, kind))
                visit.hear(reached(side, sets, "", Kind.HOLD_END))
        elif visit.session == "closing":
            visit.session_ended()
        if visit.stage in (Stage.SUMMARY, Stage.STRAPS):
            break
    return visit


@pytest.mark.parametrize("name", ["tests_of_rotation", "routine_003"])
def test_a_routine_runs_from_start_to_summary_with_one_tap(name):
    visit, said = ready(Course.of(load_plan(name))), []
    visit.command("start")
    walked(visit, say=said.extend)
    assert visit.stage is Stage.SUMMARY
    assert set(visit.walk.status) == {"completed"}
    begun = [effect.step.leg for effect in said if isinstance(effect, BeginSession)]
    assert begun == list(dict.fromkeys(step.leg for step in visit.walk.steps))
    assert visit.walk.legs_done == visit.walk.legs == len(begun)


def test_all_sets_of_a_leg_come_before_the_other_leg_and_then_the_next_item():
    assert [tuple(step) for step in COURSE.steps()] == [
        (0, "right", 1), (0, "right", 2), (0, "left", 1), (0, "left", 2), (1, "both", 1),
        (2, "left", 1),
    ]  # fmt: skip


def test_one_pair_of_units_stops_at_the_straps_before_the_other_leg():
    visit = ready(COURSE, all_worn=False)
    visit.command("start")
    walked(visit)
    assert visit.stage is Stage.RESULT  # whoever moves the straps says when it is done
    assert visit.strap_moves
    visit.command("next")
    assert visit.stage is Stage.STRAPS
    assert visit.walk.step.side == "left"
    assert visit.walk.status[:2] == ["completed", "completed"]


def test_a_rest_is_counted_down_and_the_next_set_begins():
    visit, said = ready(COURSE), []
    visit.command("start")
    walked_until_rest(visit)
    assert visit.stage is Stage.RESULT
    assert visit.session == "open"  # a session stays one leg with all its sets
    for _ in range(125):
        said += visit.tick(visit.now_s + 0.1)
    assert [(e.key, *e.args.values()) for e in said] == [
        ("cue", 10), ("cue", 5), ("cue", 3), ("cue", 2), ("cue", 1), ("begin", 2),
    ]  # fmt: skip
    assert visit.stage is Stage.SET


def walked_until_rest(visit):
    visit.tick(visit.now_s + 10.1)
    visit.calibrated()
    visit.hear(reached())
    visit.tick(visit.now_s + AFTER_SET_S)


def test_answers_never_restart_the_countdown_and_belong_to_their_set():
    visit = ready(COURSE)
    visit.command("start")
    walked_until_rest(visit)
    until_s = visit.until_s
    assert visit.command("pain", {"level": 2}) == [Append("pain", 2)]
    visit.command("note", {"text": "left knee"})
    assert visit.answers == {"pain": 2, "note": "left knee"}
    assert visit.until_s == until_s
    visit.command("next")
    assert visit.answers == {}


def counting(reps=3):
    """Return a visit in a set of so many repetitions."""
    item = Item.of(PlanItem(exercise="ninety_ninety_lift", sides=("right",), reps=reps, sets=1))
    visit = ready(Course.one(item))
    visit.command("start")
    visit.tick(visit.now_s + 10.1)
    visit.calibrated()
    return visit


def test_a_repetition_taken_back_is_done_again_before_the_set_ends():
    visit = counting()
    assert "not_mine" not in visit.can()
    for _ in range(3):
        visit.hear(reached(kind=Kind.REP))
    visit.hear(reached())
    assert visit.command("not_mine") == [Append("reject", None), Recount(-1)]
    visit.tick(visit.now_s + 2 * AFTER_SET_S)
    assert visit.stage is Stage.SET
    visit.hear(reached(kind=Kind.REP))
    visit.tick(visit.now_s + AFTER_SET_S)
    assert visit.stage is Stage.RESULT


def test_what_was_taken_back_by_mistake_counts_again():
    visit = counting()
    for _ in range(3):
        visit.hear(reached(kind=Kind.REP))
    visit.command("not_mine")
    assert visit.command("undo") == [Undo(), Recount(1)]
    assert visit.reps == {Side.RIGHT: 3}
    assert "undo" not in visit.can()


def test_answers_are_taken_back_one_by_one_in_any_later_stage():
    visit = counting()
    visit.command("done")
    visit.command("pain", {"level": 2})
    visit.command("effort", {"level": 7})
    assert visit.command("undo") == [Undo()]
    assert visit.answers == {"pain": 2}
    visit.command("stop")
    visit.session_ended()
    assert visit.command("undo") == [Undo()]
    with pytest.raises(Refused, match="nothing was said"):
        visit.command("undo")


def test_after_a_slip_the_set_begins_anew_with_what_is_known_of_the_straps():
    visit = counting()
    assert visit.command("slipped") == [Append("bad_from", None), EndSession()]
    assert visit.stage is Stage.CALIBRATE
    (again,) = visit.session_ended()
    assert again == BeginSession(visit.walk.step, 1)


def test_phones_are_the_units_until_units_are_shaken_or_the_visit_ends():
    visit = Visit(COURSE)
    for do in ("wearer", "nobody", "next"):
        visit.command(do)
    assert visit.command("phone") == [FindUnits(phones=("shank",))]
    visit.failed("this computer is on no network")
    assert visit.command("retry") == [FindUnits(phones=("shank",))]
    assert "admit" not in visit.can()
    visit.asking = "right shank"
    assert visit.command("admit") == [AdmitPhone()]
    visit.failed("none came")
    assert visit.command("shake") == [FindUnits(shake=True)]
    assert visit.phones == ()


def test_who_begins_before_the_rest_is_over_is_counted():
    visit = ready(COURSE)
    visit.command("start")
    walked_until_rest(visit)
    visit.hear(reached(set_=1, kind=Kind.REP))  # one more of the set before
    assert visit.stage is Stage.RESULT
    visit.hear(reached(set_=2, kind=Kind.REP))
    assert visit.stage is Stage.SET


def test_both_legs_have_to_be_done():
    course = Course.one(Item.of(PlanItem(exercise="prone_windshield_wiper", sides=("both",))))
    visit = ready(course)
    visit.command("start")
    visit.tick(visit.now_s + 10.1)
    visit.calibrated()
    visit.hear(reached(Side.RIGHT))
    visit.tick(visit.now_s + 60.0)
    assert visit.stage is Stage.SET
    visit.hear(reached(Side.LEFT))
    visit.tick(visit.now_s + AFTER_SET_S)
    assert visit.stage is Stage.RESULT


def test_the_target_of_a_hold_in_a_repetition_ends_no_set():
    visit = ready(COURSE)
    visit.command("start")
    visit.tick(visit.now_s + 10.1)
    visit.calibrated()
    visit.hear(reached(reason="hold"))
    visit.tick(visit.now_s + 60.0)
    assert visit.stage is Stage.SET


def test_the_wrong_leg_is_the_other_one_and_that_one_comes_afterwards():
    visit = ready(COURSE)
    visit.command("start")
    visit.tick(visit.now_s + 10.1)
    visit.command("other_leg")
    assert [step.side for step in visit.walk.steps] == [
        "left",
        "left",
        "right",
        "right",
        "both",
        "left",
    ]
    assert visit.stage is Stage.CALIBRATE


def test_self_checks_ask_questions_and_no_units():
    visit = Visit(Course.one(Item.of(PlanItem(exercise="self_checks", sides=("right",)))))
    visit.command("practise")
    assert "next" not in visit.can()
    with pytest.raises(Refused, match="questions for the wearer, and no unit measures anything"):
        visit.command("next")


def test_a_silent_unit_holds_a_countdown_and_nothing_else():
    visit = ready(COURSE)
    visit.command("start")
    visit.links(["right shank"])
    assert "now" not in visit.can()
    with pytest.raises(Refused, match="right shank: silent; bring it closer"):
        visit.command("now")
    visit.tick(visit.now_s + 60.0)
    assert visit.stage is Stage.COUNTDOWN
    visit.links([])
    visit.tick(visit.now_s + 0.1)
    assert visit.stage is Stage.CALIBRATE


def test_a_session_that_is_wanted_while_one_closes_begins_when_that_is_closed():
    visit = ready(COURSE)
    visit.command("start")
    visit.tick(visit.now_s + 10.1)
    visit.calibrated()
    assert visit.command("stop") == [EndSession()]
    assert visit.command("again") == []
    (effect,) = visit.session_ended()
    assert isinstance(effect, BeginSession)
    assert effect.sets == 1


def test_a_session_that_ends_by_itself_leads_to_its_result_and_one_that_fails_to_ready():
    visit = ready(COURSE)
    visit.command("start")
    visit.tick(visit.now_s + 10.1)
    visit.session_ended("the right shank never sent data: switch it on")
    assert (visit.stage, visit.walk.status[0]) == (Stage.READY, "not-started")
    visit.command("start")
    visit.tick(visit.now_s + 10.1)
    visit.calibrated()
    visit.session_ended()
    assert visit.stage is Stage.RESULT
    assert visit.walk.status[:2] == ["completed", "stopped"]


def test_the_last_card_is_followed_by_the_summary():
    visit = ready(Course.one(Item.of(PlanItem(exercise="ninety_ninety_lift", sides=("left",)))))
    visit.command("start")
    walked_until = visit.now_s + 10.1
    visit.tick(walked_until)
    visit.calibrated()
    visit.command("done")
    visit.session_ended()
    visit.tick(visit.now_s + LAST_CARD_S - 0.1)
    assert visit.stage is Stage.RESULT
    visit.tick(visit.now_s + 0.2)
    assert visit.stage is Stage.SUMMARY


def test_at_full_speed_nothing_waits_while_time_stands_still():
    visit = Visit(COURSE, waits=False)
    for do in ("practise", "next"):
        visit.command(do)
    visit.units_found(all_worn=True)
    visit.units_rested(good=True)
    visit.command("done")
    visit.command("start")
    (effect,) = visit.tick(0.0)
    assert isinstance(effect, BeginSession)


def test_a_plans_goals_are_aimed_at_by_leg_until_another_is_asked_for():
    document = {
        "items": [{"exercise": "prone_windshield_wiper", "goal_deg": {"left": 24, "right": 28}}]
    }
    course = Course.of(parse_plan(document, "mine"))
    assert course.items[0].goals_deg == {"left": 24, "right": 28}
    asked = changed(course, course.items[0].asked, 30.0)
    assert asked.items[0].goals_deg == {"left": 30.0, "right": 30.0}
