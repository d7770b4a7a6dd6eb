import pytest
import torch

from elman.tasks.tagging.config import TaggingConfig
from elman.tasks.tagging.data import EncodedSentence, TaggingData, join_sentences
from elman.tasks.tagging.network import TaggingNetwork
from elman.tasks.tagging.vocabulary import Vocabulary

SENTENCES = [
    (("EU", "rejects", "German", "call"), ("B-ORG", "O", "B-MISC", "O")),
    (("Peter", "Blackburn"), ("B-PER", "I-PER")),
    (("no",), ("O",)),
]
VOCABULARY = Vocabulary.gather(SENTENCES, lowercase=True, size=None)
SETTINGS = [
    {},
    {"output": "softmax", "bidirectional": False, "spelling_size": 0},
    {"model": "mlp", "window": 1},
    {"cell": "gru", "num_layers": 2},
]


def make(**settings):
    torch.manual_seed(1)
    sizes = {"hidden_size": 8, "embedding_size": 6, "character_size": 4, "spelling_size": 5}
    return TaggingNetwork(TaggingConfig(**(sizes | settings)), VOCABULARY)


def encode(network, words):
    return VOCABULARY.encode_words(words, spelling=network.reads_spelling)


@pytest.mark.parametrize("settings", SETTINGS)
def test_a_sentence_scores_the_same_alone_and_among_longer_ones(settings):
    network = make(**settings).eval()
    together, _ = network(join_sentences([encode(network, words) for words, _ in SENTENCES]))
    for row, (words, _) in enumerate(SENTENCES):
        alone, _ = network(encode(network, words).unsqueeze(1))
        torch.testing.assert_close(together[: len(words), row], alone[:, 0])


@pytest.mark.parametrize("settings", SETTINGS)
def test_the_likelihood_of_all_taggings_is_one(settings):
    network = make(**settings).eval()
    words = SENTENCES[1][0]
    scores, _ = network(encode(network, words).unsqueeze(1))
    count = len(VOCABULARY.tags)
    total = sum(
        torch.exp(-2 * network.criterion(scores, torch.tensor([[a], [b]]), torch.tensor([2])))
        for a in range(count)
        for b in range(count)
    )
    torch.testing.assert_close(total.detach(), torch.tensor(1.0))


def test_the_speller_tells_words_by_their_letters_in_order():
    network = make().eval()
    ids = VOCABULARY.encode_words(["call", "llac", "call"], spelling=True)[:, 1:]
    first, second, third = network.speller(ids)
    assert torch.equal(first, third)
    assert not torch.allclose(first, second)


def test_batches_hold_every_sentence_once_in_similar_lengths():
    lengths = torch.randint(1, 30, (530,), generator=torch.Generator().manual_seed(1)).tolist()
    sentences = [
        EncodedSentence(torch.full((length, 2), index + 2), torch.full((length,), index))
        for index, length in enumerate(lengths)
    ]
    data = TaggingData(sentences, (), measure=lambda: (0.0, {}), batch_size=16, seed=3)
    batches = list(data.batches(0))
    seen = [int(batch.targets[0, row]) for batch in batches for row in range(len(batch.lengths))]
    assert sorted(seen) == list(range(530))
    assert all(batch.targets.shape[1] <= 16 for batch in batches)
    padded = sum(batch.targets.numel() for batch in batches)
    assert padded < 1.1 * sum(lengths)
    again, other = data.batches(0)[0], data.batches(1)[0]
    assert torch.equal(again.inputs, batches[0].inputs)
    assert again.inputs.shape != other.inputs.shape or not torch.equal(again.inputs, other.inputs)
