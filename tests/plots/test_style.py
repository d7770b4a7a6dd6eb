import math
import subprocess
import sys

import pytest

from elman.plots.style import drawable, label, line_colour, marker, picture


def test_importing_plots_does_not_import_matplotlib():
    program = "import sys, elman.plots; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_drawing_leaves_no_global_state(tmp_path):
    import matplotlib

    before = dict(matplotlib.rcParams)
    pyplot_before = "matplotlib.pyplot" in sys.modules
    with picture(tmp_path / "a.png", 2.0, 1.0):
        pass
    assert dict(matplotlib.rcParams) == before
    assert ("matplotlib.pyplot" in sys.modules) == pyplot_before


def test_folders_are_made_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "run" / "plots" / "a.png"
    with picture(path, 2.0, 1.0):
        pass
    assert [entry.name for entry in path.parent.iterdir()] == ["a.png"]


def test_failing_to_draw_keeps_the_old_picture(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), picture(path, 2.0, 1.0):
        raise ZeroDivisionError
    assert path.read_bytes() == b"old"


def test_failing_to_write_keeps_the_old_picture(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    with (
        pytest.raises(ZeroDivisionError),
        picture(path, 2.0, 1.0) as figure,
    ):
        figure.savefig = lambda target, **_: [target.write_bytes(b"half"), 1 / 0]
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("naïve ↵", "naïve ↵"),
        ("日本", "□□"),
        ("a\tb\nc", "a b c"),
        ("\x00bell\x07", "□bell□"),
        ("$5 and $6", r"\$5 and \$6"),
        ("_hidden", " _hidden"),
        ("", ""),
    ],
)
def test_labels_hold_only_what_the_font_can_draw(text, shown):
    assert label(text) == shown


def test_drawable_keeps_the_length():
    text = "aé日😀\u0301\n"
    assert len(drawable(text)) == len(text)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.0], "o"),
        ([1.0] * 200, None),
        ([1.0] * 100 + [math.nan, 1.0, math.nan] + [1.0] * 100, "o"),
        ([1.0] * 100 + [math.nan] + [1.0] * 100, None),
    ],
)
def test_points_are_marked_where_a_line_would_not_show_them(values, expected):
    assert marker(values) == expected


def test_colours_start_again():
    colours = [line_colour(index) for index in range(12)]
    assert len(set(colours[:6])) == 6
    assert colours[:6] == colours[6:]
