import wave

import numpy as np
import pytest
import torch

from elman.cells import ElmanCell
from elman.errors import DataError
from elman.nn import RNN, SequenceRegressor
from elman.reproduce import clockwork_audio
from elman.reproduce.clockwork_audio import System, acting_weights, memorise, read_waveform, systems


def write(path, samples):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(np.round(samples).astype("<i2").tobytes())


def burst(seconds):
    """Tones of 600 and 1,100 Hz, loudest at 0.05 s."""
    tones = np.sin(2 * np.pi * 600 * seconds) + 0.5 * np.cos(2 * np.pi * 1100 * seconds)
    return 15_000 * tones * np.exp(-(((seconds - 0.05) / 0.004) ** 2))


def test_a_waveform_is_interpolated_around_the_loudest_place(tmp_path):
    write(tmp_path / "tone.wav", burst(np.arange(1000) / 8000))
    ours = read_waveform(tmp_path, "tone")
    assert ours.shape == (320,)
    assert (ours.min(), ours.max()) == (-1, 1)

    def rest(start):
        exact = burst(start / 8000 + np.arange(320) / 44100)
        exact = 2 * (exact - exact.min()) / (exact.max() - exact.min()) - 1
        return np.abs(ours - exact).max()

    best = min(range(300, 440), key=rest)
    assert rest(best) < 1e-3
    assert abs(best + 29 - 400) <= 8  # the middle of the piece, in samples of the recording


@pytest.mark.parametrize(
    ("samples", "message"),
    [(np.ones(20), "20 samples, too few"), (np.zeros(500), "is silent")],
)
def test_a_recording_of_nothing_is_refused(tmp_path, samples, message):
    write(tmp_path / "bad.wav", samples)
    with pytest.raises(DataError, match=message):
        read_waveform(tmp_path, "bad")


def test_what_is_no_recording_is_named(tmp_path):
    (tmp_path / "text.wav").write_text("no sound")
    for name in ("text", "absent"):
        with pytest.raises(DataError, match=rf"{name}\.wav cannot be read as a recording"):
            read_waveform(tmp_path, name)


def test_without_data_the_variable_is_named(monkeypatch):
    monkeypatch.delenv("ELMAN_DATA", raising=False)
    with pytest.raises(DataError, match="set ELMAN_DATA to the folder that holds fsdd/recordings"):
        clockwork_audio.run(1)


def test_the_networks_have_equally_many_weights():
    for cell, _ in systems().values():
        count = acting_weights(SequenceRegressor(RNN(cell), 1))
        assert 950 <= count <= 1050


def test_a_short_waveform_is_memorised():
    waveform = torch.tensor([0.5, -1.0, 1.0, 0.0, -0.5]).view(-1, 1, 1)
    torch.manual_seed(1)
    untrained = memorise(System(ElmanCell(1, 10), 0.1), waveform, 1)
    assert untrained > 0.5
    torch.manual_seed(1)
    assert memorise(System(ElmanCell(1, 10), 0.1), waveform, 400) < 0.1


def test_every_seed_has_its_recording(data_folder):
    folder = data_folder / "fsdd" / "recordings"
    shapes = {tuple(read_waveform(folder, name)) for name in clockwork_audio.RECORDINGS}
    assert len(shapes) == 5
