"""Reductions over groups against loops over the groups."""

from __future__ import annotations

import torch

from pphysml.nn.segments import segment_logsumexp, segment_max


def groups(seed):
    generator = torch.Generator().manual_seed(seed)
    segment = torch.randint(0, 5, (40,), generator=generator)
    return torch.randn(40, 3, generator=generator, dtype=torch.float64), segment


def test_maximum_of_each_group():
    values, segment = groups(1)
    found = segment_max(values, segment, 7, lowest=-0.5)
    for s in range(7):
        expected = torch.cat([values[segment == s], torch.full((1, 3), -0.5)]).amax(0)
        assert torch.equal(found[s], expected)


def test_log_of_the_sum_of_exponentials_and_its_gradient():
    values, segment = groups(2)
    values = 30 * values
    free = torch.randn(7, 3, dtype=torch.float64)
    found = segment_logsumexp(values, segment, 7, free)
    for s in range(7):
        expected = torch.logsumexp(torch.cat([values[segment == s], free[s : s + 1]]), 0)
        torch.testing.assert_close(found[s], expected)
    values, free = values[:8].requires_grad_(), free.requires_grad_()
    assert torch.autograd.gradcheck(lambda v, f: segment_logsumexp(v, segment[:8], 7, f), (values, free))


def test_without_free_terms_an_empty_group_has_the_free_term_zero():
    values, segment = groups(3)
    found = segment_logsumexp(values, segment, 7)
    assert (found[5:] == 0).all()
    torch.testing.assert_close(found[0], torch.log1p(values[segment == 0].exp().sum(0)))
