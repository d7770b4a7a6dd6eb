import torch

from elman.nn.word_dropout import drop_words


def test_about_the_share_is_replaced_in_training_only():
    words = torch.arange(5, 20005).view(100, 200)
    torch.manual_seed(1)
    kept = drop_words(words, 0.3, 1, training=True)
    dropped = kept == 1
    assert abs(dropped.double().mean() - 0.3) < 0.02
    assert torch.equal(kept[~dropped], words[~dropped])
    assert drop_words(words, 0.3, 1, training=False) is words
    assert drop_words(words, 0.0, 1, training=True) is words
