import numpy as np
import pytest


@pytest.fixture
def pixels(tmp_path):
    """Draw with a function that takes a path last, and give the picture's pixels."""

    def draw(function, *arguments, **settings):
        from matplotlib.image import imread

        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.png"
        function(*arguments, path=path, **settings)
        assert path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
        return np.round(imread(path)[..., :3] * 255).astype(int)

    return draw


@pytest.fixture
def count_of():
    """Count the pixels of a colour such as "#2f6db5"."""

    def count(image, colour):
        red_green_blue = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
        return int((image == red_green_blue).all(-1).sum())

    return count
