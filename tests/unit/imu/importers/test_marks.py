"""Marks of an imported recording: what is understood, and what is refused in one line."""

from pathlib import Path

import pytest

from imu.importers import ImportFileError
from imu.importers.marks import LABELS, read_marks

WHOLE = """time_s,label
0.5,stand_start
3.5,stand_end
4,pose_start
7,pose_end
8.25,knee_start
15,knee_end
16,set_start
60,set_end
"""


@pytest.fixture
def write(tmp_path):
    def save(text, encoding="utf-8"):
        path = tmp_path / "marks.csv"
        path.write_bytes(text.encode(encoding))
        return path

    return save


def test_marks_are_read_in_time_order_whatever_the_order_of_the_rows(write):
    head, *rows = WHOLE.splitlines()
    expected = read_marks(write(WHOLE))
    assert expected[0] == (0.5, "stand_start")
    assert expected[-1] == (60.0, "set_end")
    assert [label for _, label in expected] == list(LABELS)
    assert read_marks(write("\n".join([head, *rows[::-1]]))) == expected


@pytest.mark.parametrize(
    "text",
    [
        WHOLE.replace("time_s,label\n", ""),
        WHOLE.replace("\n", "\r\n"),
        "\ufeff" + WHOLE,
        "sep=,\n" + WHOLE.replace("\n", ",,\n") + "\n,,\n",
        WHOLE.replace(",", ";").replace(".", ","),
        WHOLE.upper().replace(",", " , "),
        '"' + WHOLE.strip().replace(",", '","').replace("\n", '"\n"') + '"',
    ],
    ids=["no header", "windows", "byte order mark", "padded", "semicolons", "blanks", "quotes"],
)
def test_what_a_spreadsheet_does_to_marks_changes_nothing(write, text):
    expected = read_marks(write(WHOLE))
    assert read_marks(write(text)) == expected


def test_marks_saved_as_utf16_are_read(write):
    assert len(read_marks(write(WHOLE, "utf-16"))) == 8


def test_several_sets_and_touching_intervals_are_fine(write):
    text = "1,pose_start\n2,pose_end\n2,set_start\n5,set_end\n5,set_start\n9,set_end\n"
    assert [time for time, _ in read_marks(write(text))] == [1, 2, 2, 5, 5, 9]


@pytest.mark.parametrize(
    ("rows", "place", "said"),
    [
        ("1,stand_begin\n", "line 2", "'stand_begin' is no label"),
        ("one,stand_start\n", "line 2", "'one' is no time"),
        ("nan,stand_start\n", "line 2", "'nan' is no time"),
        ("inf,stand_start\n", "line 2", "'inf' is no time"),
        ("-1,stand_start\n", "line 2", "'-1' is no time"),
        ("1,stand_start,2\n", "line 2", "3 cells"),
        ("1\n", "line 2", "1 cells"),
        ("1,stand_start\n", "line 2", "has no stand_end"),
        ("1,stand_end\n", "line 2", "has no stand_start"),
        ("5,set_start\n3,set_end\n", "line 3", "has no set_start before it"),
        ("5,set_start\n5,set_end\n", "line 3", "has no set_start before it"),
        ("1,set_start\n2,set_start\n3,set_end\n4,set_end\n", "line 3", "before the end"),
        ("1,pose_start\n2,knee_start\n3,pose_end\n4,knee_end\n", "line 3", "pose_start at 1 s"),
        ("1,pose_start\n2,knee_end\n", "line 3", "knee_end at 2 s comes before the end"),
        ("1,\x1b[2J\n", "line 2", "'?[2J' is no label"),
    ],
)
def test_a_bad_mark_is_named_with_its_line(write, rows, place, said):
    path = write("time_s,label\n" + rows)
    with pytest.raises(ImportFileError) as caught:
        read_marks(path)
    message = str(caught.value)
    assert caught.value.place == place
    assert message.startswith(f"{path}, {place}: ")
    assert said in message
    assert "\n" not in message
    assert "\x1b" not in message


def test_the_error_of_an_unknown_label_lists_all_labels(write):
    with pytest.raises(ImportFileError) as caught:
        read_marks(write("1,hold_start\n"))
    assert all(label in str(caught.value) for label in LABELS)


@pytest.mark.parametrize("text", ["time_s,label\n", "\n\n,,\n"])
def test_a_file_without_marks_is_refused(write, text):
    with pytest.raises(ImportFileError, match="holds no marks"):
        read_marks(write(text))


def test_an_empty_or_missing_file_is_refused(write, tmp_path):
    with pytest.raises(ImportFileError, match="is empty"):
        read_marks(write(""))
    with pytest.raises(ImportFileError, match="No such file"):
        read_marks(tmp_path / "none.csv")
    with pytest.raises(ImportFileError, match="no regular file"):
        read_marks(tmp_path)


def test_an_endless_line_is_refused_without_reading_it_whole(write):
    with pytest.raises(ImportFileError, match="longer than 4000 characters"):
        read_marks(write("1,stand_start\n" + "9" * 100_000))


def test_too_many_lines_are_refused(write):
    with pytest.raises(ImportFileError, match="more than 10000 lines"):
        read_marks(write("1,set_start\n2,set_end\n" * 6000))


def test_a_file_beside_the_person_is_found_by_its_bare_name(write, monkeypatch):
    path = write(WHOLE)
    monkeypatch.chdir(path.parent)
    assert len(read_marks(Path("marks.csv"))) == 8
