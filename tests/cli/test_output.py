import json
import math

from elman.cli.output import print_json, print_table, tell


def test_json_has_no_infinities_and_keeps_letters(capsys):
    nested = [math.nan, (math.inf, "é")]
    print_json({"a": -math.inf, "b": {"c": nested}, "d": None, "e": 1.5, "f": True})
    output = capsys.readouterr().out
    assert output.count("\n") == 1
    assert "é" in output
    found = json.loads(output)
    assert found == {
        "a": None,
        "b": {"c": [None, [None, "é"]]},
        "d": None,
        "e": 1.5,
        "f": True,
    }


def test_tables_show_text_as_it_is(capsys):
    print_table(["text", "count"], [["[bold]x[/bold] :smile:", 1234], ["\u00e9", 2]])
    output = capsys.readouterr().out
    assert "[bold]x[/bold] :smile:" in output
    assert "1,234" in output
    assert "\x1b" not in output


def test_progress_goes_to_standard_error_or_nowhere(capsys):
    tell("working")
    tell("silent", quiet=True)
    assert capsys.readouterr() == ("", "working\n")
