import pytest
import torch

from elman.errors import DataError
from elman.tasks.task import Batching, Sources
from elman.tasks.translation import Pair, TranslationConfig, TranslationTask
from elman.tasks.translation.task import HELD_OUT


def test_what_was_held_out_is_kept_and_was_not_learnt(learnt):
    task, data, folder = learnt
    with task.reading(str(folder / HELD_OUT)) as pairs:
        assert len(pairs) == 3
        summary = task.evaluate(pairs)
    assert set(summary) == {"sentences", "bleu", "bleu_lowercase", "chrf"}
    assert len(data.train) == 29


def test_a_saved_task_gives_the_same(learnt):
    task, _, folder = learnt
    again = TranslationTask.load(task.config, folder)
    again.restore(task.arrays())
    inputs = ["eins zwei!", "vier drei vier!"]
    assert list(again.to(torch.device("cpu")).predict(inputs, "input")) == list(
        task.predict(inputs, "input")
    )


def test_pronunciations_have_several_right_answers(learn):
    task, _, _ = learn(source_unit="char", target_unit="word")
    pairs = [Pair("ab", "A B"), Pair("ba", "B"), Pair("ab", "A")]
    task.languages.source.encode = lambda texts: [torch.tensor([0, 0]).numpy() for _ in texts]
    with pytest.warns(UserWarning, match="3 of 3 targets hold words"):
        summary = task.evaluate(pairs)
    assert set(summary) == {"words", "word_error", "phoneme_error"}
    assert summary["words"] == 2


def test_what_cannot_be_written_is_counted(learnt):
    task, _, _ = learnt
    with pytest.warns(UserWarning, match="1 of 2 targets hold words or characters"):
        task.evaluate([Pair("eins zwei!", "one two!"), Pair("eins eins!", "uno uno!")])


def test_half_empty_lines_are_measured_as_they_are(learnt, tmp_path):
    task, _, _ = learnt
    (tmp_path / "a.tsv").write_text("eins zwei!\tone two!\n\tthree\ndrei!\t\n")
    reading = task.reading(str(tmp_path / "a.tsv"))
    with pytest.warns(UserWarning, match="2 of 3 lines are empty on one side"):
        pairs = reading.__enter__()
    assert [pair.target for pair in pairs] == ["one two!", "three", ""]
    assert task.evaluate(pairs)["sentences"] == 3


def test_pairs_that_are_too_long_are_left_out(learnt):
    task, _, _ = learnt
    long = Pair("eins " * 3000, "one")
    with pytest.warns(UserWarning, match="1 of 2 pairs have more than 2000 tokens"):
        assert len(task.encode([long, Pair("eins", "one")])) == 1
    with pytest.raises(DataError, match="every pair has more than 2000 tokens"):
        task.encode([long])


def test_a_sharper_limit_follows_the_data(learn):
    task, _, _ = learn()
    assert float(task.model.length_ratio) == pytest.approx(1.0)


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "a.tsv").write_text("\n\n")
    with pytest.raises(DataError):
        TranslationTask.prepare(
            TranslationConfig(),
            tmp_path,
            Sources((str(tmp_path / "a.tsv"),)),
            Batching(8, 64, False, 1),
        )


def test_the_picture_of_attention(learnt, tmp_path):
    task, _, folder = learnt
    findings = list(task.look_inside(str(folder / HELD_OUT), tmp_path))
    assert len(findings) == 3
    assert all(finding.picture.exists() for finding in findings)
