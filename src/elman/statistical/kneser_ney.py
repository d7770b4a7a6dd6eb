"""The n-gram language model with interpolated modified Kneser-Ney smoothing."""

from collections.abc import Iterator, Mapping

import numpy as np
from jaxtyping import Float, Int

from elman.errors import CheckpointError
from elman.statistical.counting import (
    NOTHING,
    NGramTable,
    context_columns,
    continuation_counts,
    count_ngrams,
    find,
)
from elman.statistical.discounting import Smoothed, estimate_discounts, smooth


class KneserNey:
    r"""N-gram language model with interpolated modified Kneser-Ney smoothing.

    $$ p(w \mid h) = \frac{c(hw) - D(c(hw))}{c(h)} + \gamma(h)\, p(w \mid h'), \quad
       \gamma(h) = \frac{D_1 N_1(h) + D_2 N_2(h) + D_{3+} N_{3+}(h)}{c(h)} $$

    where h' is the context h without its oldest token, c(h) the sum of c(hw) over w, and N_r(h)
    the number of tokens w with c(hw) = r. The highest order counts occurrences, the lower orders
    distinct preceding tokens. The lowest order is mixed with the uniform distribution over the
    vocabulary, so every token has a positive probability in every context.

    A context is a row of `order - 1` token ids, oldest first; -1 stands where there is no token
    and must lie left of the tokens. Contexts never seen in training fall back to their longest
    seen suffix. With a boundary, a row may hold tokens older than a boundary: they have no effect.

    Args:
        tables: the n-grams of lengths 1, 2, ..., order with adjusted counts; `fit` makes them.
        vocabulary_size: number of tokens that the model predicts, the boundary among them.
        boundary: the token that ends a sentence, or None.

    Reference:
        Chen & Goodman 1999, "An empirical study of smoothing techniques for language modeling",
        sections 2.7 and 3, there called modified Kneser-Ney. Differs: fixed discounts where
        theirs cannot be estimated (see `estimate_discounts`).
    """

    def __init__(
        self, tables: list[NGramTable], *, vocabulary_size: int, boundary: int | None
    ) -> None:
        self.order = len(tables)
        self.vocabulary_size = vocabulary_size
        self.boundary = boundary
        self.discounts = np.stack([estimate_discounts(table.counts) for table in tables])
        self._tables = tables
        self._smoothed = [
            smooth(table, discounts, vocabulary_size=vocabulary_size)
            for table, discounts in zip(tables, self.discounts, strict=True)
        ]
        (backoff,) = self._smoothed[0].backoff
        self._unigram = np.full(vocabulary_size, backoff / vocabulary_size)
        self._unigram[tables[0].ngram_keys] += self._smoothed[0].discounted

    @classmethod
    def fit(
        cls,
        tokens: Int[np.ndarray, " time"],
        *,
        order: int,
        vocabulary_size: int,
        boundary: int | None,
    ) -> "KneserNey":
        """Count a text and estimate the model.

        Args:
            tokens: the text as one stream of ids in [0, vocabulary_size), at least one.
            order: length of the longest n-grams, at least 1; may exceed the length of the text.
            vocabulary_size: number of token ids.
            boundary: the token that ends a sentence. It is predicted like any other token; as the
                oldest token of a context it means "a sentence starts here", contexts do not
                reach further back, and the text starts as if one came before it. None lets
                contexts run through the whole text, as character streams want it.

        Returns:
            The estimated model.

        Raises:
            ValueError: where an argument is out of its range.
        """
        if order < 1:
            raise ValueError(f"KneserNey.fit expects an order of at least 1, got {order}.")
        if boundary is not None and not 0 <= boundary < vocabulary_size:
            raise ValueError(
                f"KneserNey.fit expects a boundary in [0, {vocabulary_size}), got {boundary}."
            )
        if not len(tokens):
            raise ValueError("KneserNey.fit expects at least one token, got an empty text.")
        stream = _checked_ids(tokens, "tokens", lowest=0, vocabulary_size=vocabulary_size)
        raw = count_ngrams(stream, order=order, vocabulary_size=vocabulary_size, boundary=boundary)
        tables = continuation_counts(raw, vocabulary_size=vocabulary_size)
        return cls(tables, vocabulary_size=vocabulary_size, boundary=boundary)

    def contexts(self, tokens: Int[np.ndarray, " time"]) -> Int[np.ndarray, "time context"]:
        """Return the context of each token of a stream, restarting after each boundary.

        Args:
            tokens: ids in [0, vocabulary_size). With a boundary the stream starts as if one came
                before it; without, the first token has an empty context.

        Returns:
            [time, order - 1], oldest first, -1 where there is no token.
        """
        stream = _checked_ids(tokens, "tokens", lowest=0, vocabulary_size=self.vocabulary_size)
        rows = np.empty((len(stream), self.order - 1), dtype=np.int64)
        columns = context_columns(stream, width=self.order - 1, boundary=self.boundary)
        for distance, column in enumerate(columns, start=1):
            rows[:, -distance] = column
        return rows

    def log_probability(
        self, contexts: Int[np.ndarray, "n context"], targets: Int[np.ndarray, " n"]
    ) -> Float[np.ndarray, " n"]:
        """Return the natural logarithm of the probability of each target after its context.

        Args:
            contexts: [n, order - 1], oldest token first, -1 where there is none.
            targets: ids in [0, vocabulary_size).

        Returns:
            Nats, float64, at most 0.

        Raises:
            ValueError: where contexts have another width or an id is out of range.
        """
        rows = self._checked_contexts(contexts)
        words = _checked_ids(targets, "targets", lowest=0, vocabulary_size=self.vocabulary_size)
        probability = self._unigram[words]
        for table, smoothed, seen, context_ids in self._longer_orders(rows):
            places = find(table.ngram_keys, context_ids * self.vocabulary_size + words[seen])
            discounted = np.zeros(len(places))
            discounted[places >= 0] = smoothed.discounted[places[places >= 0]]
            probability[seen] = discounted + smoothed.backoff[context_ids] * probability[seen]
        return np.log(probability)

    def log_probabilities(
        self, contexts: Int[np.ndarray, "batch context"]
    ) -> Float[np.ndarray, "batch vocabulary"]:
        """Return the natural logarithm of the whole distribution after each context.

        Args:
            contexts: [batch, order - 1], oldest token first, -1 where there is none.

        Returns:
            Nats, float64; the exponentials of a row sum to one.

        Raises:
            ValueError: where contexts have another width or an id is out of range.
        """
        rows = self._checked_contexts(contexts)
        probability = np.tile(self._unigram, (len(rows), 1))
        for table, smoothed, seen, context_ids in self._longer_orders(rows):
            probability[seen] *= smoothed.backoff[context_ids, None]
            first, last = np.searchsorted(
                table.ngram_keys, np.stack([context_ids, context_ids + 1]) * self.vocabulary_size
            )
            lengths = last - first
            # The places first[i] .. last[i] - 1 of every row i, one row after the other.
            row_starts = np.cumsum(lengths) - lengths
            places = np.arange(lengths.sum()) + np.repeat(first - row_starts, lengths)
            words = table.ngram_keys[places] % self.vocabulary_size
            probability[np.repeat(seen, lengths), words] += smoothed.discounted[places]
        return np.log(probability)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return everything that `from_arrays` needs, as contiguous integer arrays by name."""
        boundary = NOTHING if self.boundary is None else self.boundary
        arrays = {"metadata": np.array([self.order, self.vocabulary_size, boundary])}
        for length, table in enumerate(self._tables, start=1):
            for name, values in table._asdict().items():
                arrays[f"{name}.{length}"] = values
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "KneserNey":
        """Restore a model from `arrays()`; it gives the same numbers bit for bit.

        Args:
            arrays: as `arrays()` returned them.

        Returns:
            The restored model.

        Raises:
            CheckpointError: where an array is missing.
        """
        try:
            order, vocabulary_size, boundary = arrays["metadata"].tolist()
            tables = [
                NGramTable(*(arrays[f"{name}.{length}"] for name in NGramTable._fields))
                for length in range(1, order + 1)
            ]
        except KeyError as missing:
            raise CheckpointError(
                f"The saved n-gram model lacks the array {missing}: fit and save it again."
            ) from None
        return cls(
            tables,
            vocabulary_size=vocabulary_size,
            boundary=None if boundary == NOTHING else boundary,
        )

    def _longer_orders(
        self, rows: Int[np.ndarray, "n context"]
    ) -> Iterator[tuple[NGramTable, Smoothed, Int[np.ndarray, " seen"], Int[np.ndarray, " seen"]]]:
        """Yield orders 2, 3, ... with the rows whose context that order has seen and its number."""
        seen = np.arange(len(rows))
        context_ids = np.zeros(len(rows), dtype=np.int64)
        for distance, table in enumerate(self._tables[1:], start=1):
            older = rows[seen, -distance]
            keys = context_ids * self.vocabulary_size + older
            # -1 would give the key of another context, hence the mask.
            context_ids = np.where(older == NOTHING, -1, find(table.context_keys, keys))
            seen, context_ids = seen[context_ids >= 0], context_ids[context_ids >= 0]
            yield table, self._smoothed[distance], seen, context_ids

    def _checked_contexts(
        self, contexts: Int[np.ndarray, "n context"]
    ) -> Int[np.ndarray, "n context"]:
        if contexts.ndim != 2 or contexts.shape[1] != self.order - 1:
            raise ValueError(
                f"KneserNey of order {self.order} expects contexts [n, {self.order - 1}], "
                f"got {list(contexts.shape)}: pad short ones with -1 on the left."
            )
        return _checked_ids(
            contexts, "contexts", lowest=NOTHING, vocabulary_size=self.vocabulary_size
        )


def _checked_ids(
    ids: Int[np.ndarray, "..."], name: str, *, lowest: int, vocabulary_size: int
) -> Int[np.ndarray, "..."]:
    checked = np.asarray(ids, dtype=np.int64)
    outside = checked[(checked < lowest) | (checked >= vocabulary_size)]
    if len(outside):
        raise ValueError(
            f"KneserNey expects {name} in [{lowest}, {vocabulary_size}), got {outside[0]}."
        )
    return checked
