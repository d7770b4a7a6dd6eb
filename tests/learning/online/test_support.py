import torch
from hypothesis import given
from hypothesis import strategies as st

from elman.learning.online.support import direct_support, lasting_support


@st.composite
def masks(draw):
    """Which units depend on which, and on which parameters, many of these alike."""
    units, columns = draw(st.integers(1, 6)), draw(st.integers(1, 20))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**16)))
    links = torch.rand(units, units, generator=generator) < draw(st.sampled_from([0.1, 0.3, 0.9]))
    kinds = torch.rand(units, 3, generator=generator) < 0.4
    return links, kinds[:, torch.randint(3, (columns,), generator=generator)]


def column_by_column(support):
    return support.sets[support.member].mT


@given(masks())
def test_each_set_comes_once_and_is_that_of_its_parameters(drawn):
    _, reach = drawn
    support = direct_support(reach)
    assert torch.equal(column_by_column(support), reach)
    assert len(support.sets.unique(dim=0)) == len(support.sets)
    seen = []
    for units, columns in support.groups():
        assert len(units) > 0
        assert (reach[:, columns].sum(0) == len(units)).all()
        assert reach[units][:, columns].all()
        seen += columns.tolist()
    assert sorted(seen) == reach.any(0).nonzero().squeeze(1).tolist()


@given(masks())
def test_what_lasts_is_what_is_reached_step_by_step(drawn):
    links, reach = drawn
    lasting = lasting_support(direct_support(reach), links)
    reached = reach.clone()
    for _ in range(len(links)):  # the longest way there is
        for unit in range(len(links)):
            for other in range(len(links)):
                if links[unit, other]:
                    reached[unit] |= reached[other]
    assert torch.equal(column_by_column(lasting), reached)
    assert len(lasting.sets.unique(dim=0)) == len(lasting.sets)
