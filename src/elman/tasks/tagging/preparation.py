"""What a tagger needs before it learns."""

import warnings
from collections.abc import Sequence

from elman.data.conll import TaggedSentence
from elman.data.tag_schemes import count_broken
from elman.tasks.tagging.config import TaggingConfig
from elman.tasks.tagging.vocabulary import Vocabulary


def gather_vocabulary(config: TaggingConfig, sentences: Sequence[TaggedSentence]) -> Vocabulary:
    """Gather what a model is to know.

    Args:
        config: the settings.
        sentences: the training data.

    Returns:
        Its words, characters and tags; all words as they are written for counted models.

    Raises:
        DataError: if there are no tags to learn from.
    """
    if config.hidden_states is not None:
        words = (sentence.words for sentence in sentences)
        return Vocabulary.of_states(words, config.hidden_states, config.vocabulary_size)
    counted = config.model == "hmm"
    vocabulary = Vocabulary.gather(
        [(sentence.words, sentence.tags) for sentence in sentences],
        lowercase=config.lowercase and not counted,
        size=None if counted else config.vocabulary_size,
    )
    warn_of_tags(sentences, vocabulary)
    return vocabulary


def warn_of_tags(sentences: Sequence[TaggedSentence], vocabulary: Vocabulary) -> None:
    """Warn of tags that break their scheme, and of tags that were never seen.

    Args:
        sentences: with their tags.
        vocabulary: with those of the training data.
    """
    scheme = vocabulary.scheme
    if scheme is not None:
        broken = sum(count_broken(sentence.tags, scheme) for sentence in sentences)
        if broken:
            warnings.warn(
                f"{broken} tags break the scheme {scheme} of the training data; their spans are "
                "read as the standard script reads them.",
                stacklevel=2,
            )
    unseen = {
        tag
        for sentence in sentences
        for tag, number in zip(sentence.tags, vocabulary.encode_tags(sentence.tags), strict=True)
        if number < 0
    }
    if unseen:
        warnings.warn(
            f"the training data has no word tagged {', '.join(sorted(unseen))}: such words are "
            "counted as wrong.",
            stacklevel=2,
        )
