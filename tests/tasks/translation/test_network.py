"""The networks against their equations, and whole targets against single steps."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from elman.cells import CELLS
from elman.decoding import beam_search
from elman.errors import ConfigError
from elman.state import select
from elman.tasks.translation import TranslationConfig, TranslationNetwork
from elman.tasks.translation.batches import EncodedPair, join_pairs
from elman.tasks.translation.smoothing import smoothing_loss
from elman.tasks.translation.transformer import TransformerTranslation, positions

SOURCES, TARGETS, END = 7, 6, 5
FORMS = {
    "none": {"attention": "none"},
    "additive": {"attention": "additive"},
    "multiplicative": {},
    "input feeding": {"input_feeding": True},
}
MODELS = {**FORMS, "transformer": {"model": "transformer", "hidden_size": 8, "heads": 2}}
SMALL = {"hidden_size": 5, "embedding_size": 4, "dropout": 0.0}


def make(seed=1, **options):
    torch.manual_seed(seed)
    config = TranslationConfig(**{**SMALL, **options})
    kind = TransformerTranslation if config.model == "transformer" else TranslationNetwork
    network = kind(config, SOURCES, TARGETS).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.uniform_(-0.8, 0.8)
    return network


def draw(lengths=((4, 3), (2, 5), (6, 1)), seed=0):
    generator = np.random.default_rng(seed)
    pairs = [
        EncodedPair(generator.integers(0, SOURCES, s), np.append(generator.integers(0, 5, t), END))
        for s, t in lengths
    ]
    return pairs, join_pairs(pairs, END)


@pytest.mark.parametrize("form", MODELS)
@pytest.mark.parametrize("layers", [1, 2])
def test_steps_give_what_whole_targets_give(form, layers):
    network = make(**MODELS[form], num_layers=layers)
    pairs, batch = draw()
    with torch.no_grad():
        expected = network.target_log_probs(batch.inputs, batch.targets)
        step, state = network.start(batch.inputs.source, batch.inputs.source_lengths)
        for place, fed in enumerate(batch.inputs.fed):
            log_probs, state = step(fed, state)
            torch.testing.assert_close(log_probs.exp().sum(dim=1), torch.ones(len(pairs)))
            found = log_probs.gather(1, batch.targets[place].unsqueeze(1)).squeeze(1)
            going = place < batch.lengths
            torch.testing.assert_close(found[going], expected[place][going])


@pytest.mark.parametrize("form", MODELS)
def test_a_pair_does_not_depend_on_those_beside_it(form):
    network = make(**MODELS[form])
    pairs, batch = draw()
    together = network.target_log_probs(batch.inputs, batch.targets)
    for row, pair in enumerate(pairs):
        alone = join_pairs([pair], END)
        log_probs = network.target_log_probs(alone.inputs, alone.targets)[:, 0]
        torch.testing.assert_close(log_probs, together[: len(pair.target), row])


@pytest.mark.parametrize("form", MODELS)
def test_a_search_finds_the_log_probability_of_what_it_writes(form):
    network = make(**MODELS[form])
    pairs, batch = draw()
    first = torch.full((len(pairs),), END)
    step, state = network.start(batch.inputs.source, batch.inputs.source_lengths)
    limits = torch.tensor([3, 6, 4])
    for pair, hypotheses in zip(
        pairs, beam_search(step, state, first, width=4, length=limits, end=END), strict=True
    ):
        found = [EncodedPair(pair.source, np.array(h.tokens)) for h in hypotheses]
        scored = join_pairs(found, END)
        with torch.no_grad():
            log_probs = network.target_log_probs(scored.inputs, scored.targets)
        for row, hypothesis in enumerate(hypotheses):
            total = log_probs[: len(hypothesis.tokens), row].sum().item()
            assert hypothesis.log_probability == pytest.approx(total, abs=1e-4)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("rows", [[0, 0, 1, 1], [1, 1, 1], [0, 2, 0, 2], [2, 1, 1, 0]])
def test_rows_translate_the_sentences_they_stand_for(form, rows):
    network = make(**MODELS[form])
    _, batch = draw()
    with torch.no_grad():
        step, state = network.start(batch.inputs.source, batch.inputs.source_lengths)
        _, state = step(batch.inputs.fed[0], state)
        expected, after = step(batch.inputs.fed[1], state)
        chosen = torch.tensor(rows)
        found, picked = step(batch.inputs.fed[1][chosen], select(state, chosen))
        torch.testing.assert_close(found, expected[chosen])
        torch.testing.assert_close(picked.attention, after.attention[chosen])


@pytest.mark.parametrize("form", MODELS)
def test_the_source_is_read_whole(form):
    network = make(**MODELS[form])
    _, batch = draw([(6, 3)])
    before = network.write(batch.inputs).features
    for place in range(6):
        changed = batch.inputs.source.clone()
        changed[place] = (changed[place] + 1) % SOURCES
        after = network.write(batch.inputs._replace(source=changed)).features
        assert (after - before).abs().max() > 1e-6


@pytest.mark.parametrize("form", FORMS)
def test_weights_are_those_of_valid_positions(form):
    network = make(**FORMS[form])
    _, batch = draw()
    weights = network.write(batch.inputs).weights
    if form == "none":
        assert weights.shape == (6, 3, 0)
        return
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(6, 3))
    for row, length in enumerate(batch.inputs.source_lengths):
        assert weights[:, row, length:].abs().max() == 0 if length < 6 else True


def torch_gru(cell):
    """Torch's GRU cell with the weights of ours."""
    gru = nn.GRUCell(cell.input_size, cell.output_size)
    maps = (cell.input_map, cell.recurrent_map)
    with torch.no_grad():
        for name, mapping in zip(("ih", "hh"), maps, strict=True):
            getattr(gru, f"weight_{name}").copy_(mapping.weight)
            getattr(gru, f"bias_{name}").copy_(mapping.bias)
    return gru


def transcription(network, form, source, target):
    """Log-probabilities of one target, step by step from the papers, on torch's GRU cells."""
    (ahead, back), (cell,) = network.encoder.rnn.layers[0], network.decoder.rnn.layers[0]
    vectors = network.encoder.embedding(source).unsqueeze(1)
    states = {}
    for name, own, order in (
        ("ahead", torch_gru(ahead), range(len(source))),
        ("back", torch_gru(back), reversed(range(len(source)))),
    ):
        hidden = torch.zeros(1, 5)
        for place in order:
            hidden = own(vectors[place], hidden)
            states[name, place] = hidden
    memory = torch.cat(
        [torch.cat([states["ahead", i], states["back", i]], 1) for i in range(len(source))]
    )
    final = torch.cat([states["ahead", len(source) - 1], states["back", 0]], dim=1)
    hidden = torch.tanh(network.bridge.maps[0](final))
    decoder, gru = network.decoder, torch_gru(cell)
    fed, told = END, torch.zeros(1, 5)
    log_probs = []
    for token in target:
        vector = network.embedding.weight[fed].unsqueeze(0)
        if form == "additive":
            own = decoder.attention
            energies = own.energy(torch.tanh(own.query_map(hidden) + own.memory_map(memory)))
            context = energies.softmax(0).T @ memory
            hidden = gru(torch.cat([vector, context], 1), hidden)
            features = torch.tanh(decoder.feature_map(torch.cat([hidden, context, vector], 1)))
        else:
            read = torch.cat([vector, told], 1) if form == "input feeding" else vector
            hidden = gru(read, hidden)
            context = (memory @ decoder.attention.memory_map.weight.T @ hidden.T).softmax(0)
            context = context.T @ memory
            features = torch.tanh(decoder.feature_map(torch.cat([context, hidden], 1)))
            if form == "none":
                features = hidden
        told = features
        logits = network.softmax.weight @ features[0] + network.softmax.bias
        log_probs.append(logits.log_softmax(0)[token])
        fed = token
    return torch.stack(log_probs)


@pytest.mark.parametrize("form", ["additive", "multiplicative", "input feeding"])
def test_equals_the_papers_equations(form):
    network = make(cell="gru", **FORMS[form])
    pairs, batch = draw()
    found = network.target_log_probs(batch.inputs, batch.targets)
    for row, (source, target) in enumerate(pairs):
        expected = transcription(network, form, torch.from_numpy(source), target.tolist())
        torch.testing.assert_close(found[: len(target), row], expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("cell", CELLS)
def test_any_cell_reads_and_writes(cell):
    torch.manual_seed(2)
    config = TranslationConfig(**SMALL, cell=cell, num_layers=2)
    network = TranslationNetwork(config, SOURCES, TARGETS)
    _, batch = draw()
    features, _ = network(batch.inputs)
    loss = network.criterion(features, batch.targets, batch.lengths)
    loss.backward()
    assert torch.isfinite(loss)
    assert network.bridge.maps[0].weight.grad.abs().max() > 0


def test_smoothing_adds_up_to_the_definition():
    generator = torch.Generator().manual_seed(3)
    features = torch.randn(9, 4, generator=generator, dtype=torch.float64)
    weight = torch.randn(6, 4, generator=generator, dtype=torch.float64)
    bias = torch.randn(6, generator=generator, dtype=torch.float64)
    targets = torch.randint(6, (9,), generator=generator)
    logits = features @ weight.T + bias
    for share in (0.0, 0.1, 0.7):
        plain = F.cross_entropy(logits, targets)
        smoothed = plain + share * smoothing_loss(features, targets, weight, bias)
        expected = F.cross_entropy(logits, targets, label_smoothing=share)
        torch.testing.assert_close(smoothed, expected, atol=1e-12, rtol=0)


def test_the_loss_is_smoothed_in_training_alone():
    network = make(label_smoothing=0.3)
    _, batch = draw()
    features, _ = network(batch.inputs)
    logits = (features @ network.softmax.weight.T + network.softmax.bias).permute(1, 2, 0)
    ignored = batch.targets.clone()
    for row, length in enumerate(batch.lengths):
        ignored[length:, row] = -100
    for training, share in ((True, 0.3), (False, 0.0)):
        network.train(training)
        loss = network.criterion(features, batch.targets, batch.lengths)
        expected = F.cross_entropy(logits, ignored.T, label_smoothing=share)
        torch.testing.assert_close(loss, expected)


def test_sampled_inputs_are_the_networks_own():
    """With the whole share, and one token far more probable than all others, it is always fed."""
    network = make(scheduled_sampling=0.999)
    with torch.no_grad():
        network.softmax.bias[2] = 100.0
    network.train()
    _, batch = draw()
    fed = torch.full_like(batch.inputs.fed, 2)
    fed[0] = END
    torch.manual_seed(0)
    sampled, _ = network(batch.inputs)
    given, _ = network.eval()(batch.inputs._replace(fed=fed))
    torch.testing.assert_close(sampled, given)


def test_target_vectors_and_output_can_be_one():
    network = make(embedding_size=5, tie=True)
    assert network.softmax.weight is network.embedding.weight
    with pytest.raises(ConfigError, match="--embedding-size and --hidden-size the same"):
        TranslationConfig(**SMALL, tie=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "transformer", "hidden_size": 30}, "--hidden-size 30 must be a multiple"),
        ({"model": "transformer", "coverage_penalty": 0.1}, "--coverage-penalty"),
        ({"attention": "additive", "input_feeding": True}, "--input-feeding"),
        ({"attention": "none", "coverage_penalty": 0.1}, "--coverage-penalty"),
        ({"beam": 0}, "--beam must be at least 1"),
        ({"label_smoothing": 1.0}, "--label-smoothing"),
    ],
)
def test_settings_that_contradict_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        TranslationConfig(**options)


def test_positions_are_sines_and_cosines():
    found = positions(3, 2, 6)
    for row, place in enumerate((3, 4)):
        for i in range(3):
            angle = place / 10000 ** (2 * i / 6)
            assert found[row, 2 * i].item() == pytest.approx(np.sin(angle), abs=1e-6)
            assert found[row, 2 * i + 1].item() == pytest.approx(np.cos(angle), abs=1e-6)
