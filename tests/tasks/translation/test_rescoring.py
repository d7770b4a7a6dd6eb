from types import SimpleNamespace

import pytest

from elman.decoding import PowerDivisor
from elman.tasks.translation.answers import Answer, Translation
from elman.tasks.translation.rescoring import Rescoring

LINES = {"a b": -8.0, "b": -1.0, "c": -2.0, "": -30.0}


def language_model(unit, asked):
    def score(texts):
        asked.extend(texts)
        return [({"log_probability": LINES[text.removesuffix("\n")]}, []) for text in texts]

    return SimpleNamespace(score=score, tokenizer=SimpleNamespace(unit=unit))


def answer(*found):
    return Answer(["x"], [Translation(text, s, s * n, ["t"] * n, None) for text, s, n in found])


@pytest.mark.parametrize(("unit", "end"), [("word", ""), ("char", "\n"), ("bpe", "\n")])
def test_scores_are_those_of_the_equation_and_the_best_comes_first(unit, end):
    asked = []
    rescoring = Rescoring(language_model(unit, asked), weight=0.5)
    some = [answer(("a b", -1.0, 4), ("b", -1.5, 1)), answer(("c", -1.0, 1), ("", -2.0, 1))]
    first, second = rescoring.rank(some, PowerDivisor(0.5))
    assert [t.text for t in first.translations] == ["b", "a b"]
    assert [t.score for t in first.translations] == [-1.5 - 0.5 * 1.0, -1.0 - 0.5 * 8.0 / 2.0]
    assert [t.language_model for t in first.translations] == [-1.0, -8.0]
    assert [t.text for t in second.translations] == ["c", ""]
    assert sorted(asked) == sorted(f"{line}{end}" for line in LINES)


def test_answers_come_in_order_however_many_there_are():
    rescoring = Rescoring(language_model("word", []), weight=1.0)
    some = [answer((text, -1.0, 1)) for text in ("b", "c") * 200]
    ranked = rescoring.rank(iter(some), PowerDivisor(0.0))
    assert [own.translations[0].text for own in ranked] == ["b", "c"] * 200
