"""The linear-chain conditional random field: a distribution over whole sequences of tags."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from elman.cells import Cell
from elman.engine import unroll
from elman.nn.viterbi import find_best_paths

FORBIDDEN = -1e4
"""Score of what must not be: its exponential is zero in every type."""
LEAST_SUM = 1e-30
"""Taken in place of an empty sum, whose logarithm would have no gradient."""


class Allowed(NamedTuple):
    """Which tags may begin, follow and end.

    Args:
        start: True for tags that a sequence may begin with.
        transitions: True where the second tag may follow the first.
        end: True for tags that a sequence may end with.
    """

    start: Bool[Tensor, " tags"]
    transitions: Bool[Tensor, "tags tags"]
    end: Bool[Tensor, " tags"]


class ForwardState(NamedTuple):
    """Log-sums over all paths that end in each tag."""

    paths: Float[Tensor, "batch tags"]


class ForwardCell(Cell[ForwardState]):
    r"""The forward algorithm as a recurrence, which the engine runs like any other.

    $$ \alpha_t(j) = s_t(j) + \log \sum_i e^{\alpha_{t-1}(i) + A_{ij}} $$

    Args:
        tags: how many.
        barrier: added to the learned transition scores; `FORBIDDEN` where a tag must not follow.

    Raises:
        ValueError: if there is no tag.

    Reference:
        Lafferty, McCallum & Pereira 2001, "Conditional random fields: probabilistic models for
        segmenting and labeling sequence data", section 3. Differs: in logarithms.
    """

    def __init__(self, tags: int, barrier: Float[Tensor, "tags tags"]) -> None:
        super().__init__(tags, tags)
        self.transitions = nn.Parameter(torch.empty(tags, tags).uniform_(-0.1, 0.1))
        self.barrier = nn.Buffer(barrier)

    def initial_state(self, batch_size: int) -> ForwardState:
        """Return all tags alike; see `Cell.initial_state`."""
        return ForwardState(self.transitions.new_zeros(batch_size, self.output_size))

    def project(
        self, inputs: Float[Tensor, "*time batch tags"]
    ) -> Float[Tensor, "*time batch tags"]:
        """Return the scores of the tags as they are; see `Cell.project`."""
        return inputs

    def step(
        self, projected: Float[Tensor, "batch tags"], state: ForwardState
    ) -> tuple[Float[Tensor, "batch tags"], ForwardState]:
        """Prolong all paths by one tag; see `Cell.step`."""
        largest = state.paths.amax(dim=-1, keepdim=True)
        odds = (self.transitions + self.barrier).exp()
        sums = (state.paths - largest).exp() @ odds
        paths = projected + largest + sums.clamp_min(LEAST_SUM).log()
        return paths, ForwardState(paths)


class BestPaths(NamedTuple):
    """The best sequences of tags, the best first.

    Args:
        tags: of each; beyond a row's length the last one again.
        log_probability: of each, nats; minus infinity where a row has fewer paths.
    """

    tags: Int[Tensor, "paths time batch"]
    log_probability: Float[Tensor, "paths batch"]


class LinearChainCRF(nn.Module):
    r"""Conditional random field over a chain of tags.

    $$ p(y \mid s) = \frac{1}{Z} \exp\Big(a_{y_1} + \sum_{t=1}^{T} s_t(y_t) +
       \sum_{t=2}^{T} A_{y_{t-1} y_t} + e_{y_T}\Big) $$

    Args:
        tags: how many, at least 1.
        allowed: which tags may begin, follow and end; all if not given.

    Raises:
        ValueError: if there is no tag, or what is allowed is of another size.

    Reference:
        Lafferty, McCallum & Pereira 2001, "Conditional random fields: probabilistic models for
        segmenting and labeling sequence data"; Lample et al. 2016, "Neural architectures for named
        entity recognition", section 2.2.
    """

    def __init__(self, tags: int, *, allowed: Allowed | None = None) -> None:
        super().__init__()
        if allowed is not None and allowed.transitions.shape != (tags, tags):
            raise ValueError(
                f"LinearChainCRF has {tags} tags, and what is allowed is of "
                f"{list(allowed.transitions.shape)} tags."
            )
        everything = torch.ones(tags, tags, dtype=torch.bool)
        start, between, end = allowed or Allowed(everything[0], everything, everything[0])
        self.forward_cell = ForwardCell(tags, _barrier(between))
        self.start = nn.Parameter(torch.zeros(tags))
        self.end = nn.Parameter(torch.zeros(tags))
        self.start_barrier = nn.Buffer(_barrier(start))
        self.end_barrier = nn.Buffer(_barrier(end))

    def log_likelihood(
        self,
        scores: Float[Tensor, "time batch tags"],
        tags: Int[Tensor, "time batch"],
        lengths: Int[Tensor, " batch"],
    ) -> Float[Tensor, " batch"]:
        """Return the log-probability of sequences of tags.

        Args:
            scores: of each tag at each step.
            tags: the sequences; anything beyond a row's length.
            lengths: valid steps of each row, at least 1.

        Returns:
            Nats a row.
        """
        return self._path_scores(scores, tags, lengths) - self.log_partition(scores, lengths)

    def log_partition(
        self, scores: Float[Tensor, "time batch tags"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, " batch"]:
        r"""Return $\log Z$ by the forward algorithm.

        Args:
            scores: of each tag at each step.
            lengths: valid steps of each row, at least 1.

        Returns:
            A number a row.
        """
        state = ForwardState(self._starts + scores[0])
        if len(scores) > 1:
            _, state = unroll(self.forward_cell, scores[1:], state, lengths=lengths - 1)
        return (state.paths + self._ends).logsumexp(dim=-1)

    def marginals(
        self, scores: Float[Tensor, "time batch tags"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "time batch tags"]:
        r"""Return the probability of each tag at each step, over all sequences.

        It is $\partial \log Z / \partial s_t(j)$: the backward algorithm is the gradient of the
        forward algorithm.

        Args:
            scores: of each tag at each step.
            lengths: valid steps of each row, at least 1.

        Returns:
            Probabilities, zero beyond a row's length.

        Reference:
            Eisner 2016, "Inside-outside and forward-backward algorithms are just backprop".
        """
        # Cloned outside of inference mode, whose tensors cannot be differentiated by.
        with torch.inference_mode(False), torch.enable_grad():
            leaf, lengths = scores.detach().clone().requires_grad_(), lengths.clone()
            (probabilities,) = torch.autograd.grad(self.log_partition(leaf, lengths).sum(), leaf)
        return probabilities

    @torch.no_grad()
    def best_paths(
        self,
        scores: Float[Tensor, "time batch tags"],
        lengths: Int[Tensor, " batch"],
        count: int = 1,
    ) -> BestPaths:
        """Find the most probable sequences of tags; see `find_best_paths`.

        Args:
            scores: of each tag at each step.
            lengths: valid steps of each row, at least 1.
            count: how many, at least 1.

        Returns:
            The sequences and their log-probabilities.
        """
        between = self.forward_cell.transitions + self.forward_cell.barrier
        found = find_best_paths(self._starts, between, self._ends, scores, lengths, count)
        return BestPaths(found.tags, found.scores - self.log_partition(scores, lengths))

    def _path_scores(self, scores: Tensor, tags: Tensor, lengths: Tensor) -> Tensor:
        steps = torch.arange(len(tags), device=tags.device).unsqueeze(1)
        valid = steps < lengths  # [time, batch]
        tags = tags.where(valid, 0)
        own = scores.gather(2, tags.unsqueeze(2)).squeeze(2).where(valid, 0.0).sum(dim=0)
        between = (self.forward_cell.transitions + self.forward_cell.barrier)[tags[:-1], tags[1:]]
        last = tags.gather(0, lengths.unsqueeze(0) - 1).squeeze(0)
        inside = between.where(valid[1:], 0.0).sum(dim=0)
        return self._starts[tags[0]] + own + inside + self._ends[last]

    @property
    def _starts(self) -> Tensor:
        return self.start + self.start_barrier

    @property
    def _ends(self) -> Tensor:
        return self.end + self.end_barrier


def _barrier(allowed: Bool[Tensor, "*tags"]) -> Float[Tensor, "*tags"]:
    return torch.zeros(allowed.shape).masked_fill(~allowed, FORBIDDEN)
