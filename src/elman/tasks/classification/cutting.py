"""How texts are cut into what is read."""

from elman.data.running_text import split_words
from elman.tasks.classification.config import ClassificationConfig

UNITS = {"word": "words", "char": "characters", "number": "steps"}
"""What a text is made of, for people, by unit."""
SHORTEST_PART, LONGEST_PART = 3, 5
"""Characters of the parts of a word, whose marked ends count as characters."""


def pieces(config: ClassificationConfig, text: str) -> list[str]:
    """Cut a text into the words, characters or steps that are read.

    Args:
        config: the settings.
        text: the text.

    Returns:
        The pieces; of a long text the first and the last ones.
    """
    whole, longest = _cut(config, text), config.max_length
    return whole if len(whole) <= longest else [whole[place] for place in ends(len(whole), longest)]


def is_longer(config: ClassificationConfig, text: str) -> bool:
    """Tell whether a text is too long to be read as a whole.

    Args:
        config: the settings.
        text: the text.
    """
    # No unit is shorter than a character.
    return len(text) > config.max_length < len(_cut(config, text))


def tokenise(config: ClassificationConfig, text: str) -> list[str]:
    """Cut a text into what is looked up.

    Args:
        config: the settings.
        text: the text.

    Returns:
        Words or characters; n-grams of them for a bag. The n-grams of characters see where the
        text begins and ends.
    """
    found = pieces(config, text.lower() if config.lowercase else text)
    if config.model == "rnn":
        return found
    joint = " " if config.unit == "word" else ""
    if config.unit == "char" and found:
        found = [" ", *found, " "]
    starts = [(start, size) for size in range(1, config.order + 1) for start in range(len(found))]
    return [
        joint.join(found[start : start + size])
        for start, size in starts
        if start + size <= len(found)
    ]


def _cut(config: ClassificationConfig, text: str) -> list[str]:
    if config.unit == "char":
        return list(text.strip())
    return split_words(text) if config.unit == "word" else text.split()


def ends(length: int, longest: int) -> list[int]:
    """Choose what is kept of what is too long.

    Args:
        length: how long it is.
        longest: how long it may be.

    Returns:
        The places of the first and of the last half.
    """
    last = longest // 2
    return [*range(longest - last), *range(length - last, length)]


def parts_of(word: str) -> list[str]:
    """Cut a word, whose beginning and end are marked, into overlapping parts.

    Args:
        word: the word.

    Returns:
        All its stretches of `SHORTEST_PART` to `LONGEST_PART` characters.
    """
    whole = f"<{word}>"
    return [
        whole[start : start + size]
        for size in range(SHORTEST_PART, LONGEST_PART + 1)
        for start in range(len(whole) - size + 1)
    ]
