"""An output layer for large vocabularies: frequent words are cheap, rare words cost more."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import cast

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from elman.nn.linear_cross_entropy import is_transformed
from elman.nn.softmax import FullSoftmax


class AdaptiveSoftmax(nn.Module):
    r"""Softmax in two steps: a frequent word or a cluster of rare ones, then the word in it.

    Word ids are ordered by descending frequency. With clusters $C_1, C_2, \dots$ of rarer words,

    $$ p(w \mid x) = p_\text{head}(w \mid x) \quad \text{for a frequent word} $$
    $$ p(w \mid x) = p_\text{head}(C_i \mid x)\, p_i(w \mid P_i x) \quad \text{for } w \in C_i $$

    where $P_i$ projects the features to $1/4^i$ of their size.

    Args:
        input_size: features of each row.
        vocabulary_size: words, at least 3.
        cutoffs: first id of each cluster, rising; a tenth and a third of the vocabulary if None.

    Raises:
        ValueError: the cutoffs do not rise strictly between 0 and `vocabulary_size`.

    Reference:
        Grave, Joulin, Cissé, Grangier & Jégou 2017, "Efficient softmax approximation for GPUs",
        section 4. Differs: words of the clusters have a bias, too.
    """

    def __init__(
        self, input_size: int, vocabulary_size: int, *, cutoffs: Sequence[int] | None = None
    ) -> None:
        super().__init__()
        if cutoffs is None:
            frequent = max(1, vocabulary_size // 10)
            cutoffs = (frequent, max(frequent + 1, vocabulary_size // 3))
        edges = (0, *cutoffs, vocabulary_size)
        if len(edges) < 3 or any(a >= b for a, b in pairwise(edges)):
            raise ValueError(
                f"AdaptiveSoftmax got cutoffs {list(cutoffs)}: give at least one, "
                f"rising strictly between 0 and the vocabulary size {vocabulary_size}."
            )
        self.edges = edges
        widths = [max(1, input_size // 4**i) for i in range(1, len(edges) - 1)]
        self.head = FullSoftmax(input_size, edges[1] + len(widths))
        self.projections = nn.ModuleList(
            nn.Linear(input_size, width, bias=False) for width in widths
        )
        self.clusters = nn.ModuleList(
            FullSoftmax(width, end - start)
            for width, (start, end) in zip(widths, pairwise(edges[1:]), strict=True)
        )

    def loss(
        self,
        features: Float[Tensor, "*batch input"],
        targets: Int[Tensor, "*batch"],
        mask: Bool[Tensor, "*batch"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the mean negative log-likelihood of the targets in nats.

        Args:
            features: one row a prediction.
            targets: ids in [0, vocabulary_size), frequent words first.
            mask: True where a target counts; all of them without it.

        Returns:
            The mean over counted targets; NaN where there is none.
        """
        if is_transformed():
            found = self._dense_target_log_probs(features, targets)
            if mask is None:
                return -found.mean()
            return -found.where(mask, 0.0).sum() / mask.sum()
        rows, ids = features.flatten(0, -2), targets.flatten().long()
        if mask is not None and not mask.all():
            chosen = mask.flatten().nonzero().squeeze(1)
            rows, ids = rows.index_select(0, chosen), ids[chosen]
        loss = self.head.loss(rows, self._head_targets(ids))
        for members, projected, words, cluster in self._members(rows, ids):
            share = len(members) / len(ids)
            loss = loss + share * cluster.loss(projected, words)
        return loss

    def target_log_probs(
        self, features: Float[Tensor, "*batch input"], targets: Int[Tensor, "*batch"]
    ) -> Float[Tensor, "*batch"]:
        """Return the log-probability of each target in nats.

        Args:
            features: one row a prediction.
            targets: ids in [0, vocabulary_size), frequent words first.

        Returns:
            One number a target. Rows compute only the head and their target's cluster.
        """
        if is_transformed():
            return self._dense_target_log_probs(features, targets)
        rows, ids = features.flatten(0, -2), targets.flatten().long()
        result = self.head.target_log_probs(rows, self._head_targets(ids))
        for members, projected, words, cluster in self._members(rows, ids):
            result = result.index_add(0, members, cluster.target_log_probs(projected, words))
        return result.view(targets.shape)

    def log_probs(self, features: Float[Tensor, "*batch input"]) -> Float[Tensor, "*batch vocab"]:
        """Return the log-probability of every word in nats.

        Args:
            features: one row a prediction.

        Returns:
            One distribution a row, in the order of the ids.
        """
        sizes = [self.edges[1], *[1] * len(self.clusters)]
        frequent, *clusters = self.head.log_probs(features).split(sizes, dim=-1)
        rare = [
            in_cluster + cluster.log_probs(projection(features))
            for in_cluster, projection, cluster in zip(
                clusters, self.projections, self._softmaxes(), strict=True
            )
        ]
        return torch.cat([frequent, *rare], dim=-1)

    def _softmaxes(self) -> list[FullSoftmax]:
        return cast(list[FullSoftmax], list(self.clusters))

    def _dense_target_log_probs(self, features: Tensor, targets: Tensor) -> Tensor:
        """Return the log-probability of each target by steps whose shapes are fixed."""
        every_word = self.log_probs(features)
        return every_word.gather(-1, targets.long().unsqueeze(-1)).squeeze(-1)

    def _head_targets(self, ids: Tensor) -> Tensor:
        """Return frequent ids as they are, others as the number of their cluster in the head."""
        edges = ids.new_tensor(self.edges[1:-1])
        cluster = torch.bucketize(ids.contiguous(), edges, right=True) - 1
        return ids.where(cluster < 0, self.edges[1] + cluster)

    def _members(
        self, rows: Tensor, ids: Tensor
    ) -> Iterator[tuple[Tensor, Tensor, Tensor, FullSoftmax]]:
        """Yield, for each cluster that has any, its rows' places, features and words, and itself.

        Places are row numbers; features are projected; words count from the cluster's first id.
        """
        for (start, end), projection, cluster in zip(
            pairwise(self.edges[1:]), self.projections, self._softmaxes(), strict=True
        ):
            members = ((ids >= start) & (ids < end)).nonzero().squeeze(1)
            if len(members):
                projected = projection(rows.index_select(0, members))
                yield members, projected, ids[members] - start, cluster
