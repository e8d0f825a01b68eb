"""Losses of CIAGAN's training by hand."""

from __future__ import annotations

import pytest
import torch

from anonbench.training import ciagan_losses as loss

BLANK = torch.zeros(1, 3, 8, 8)
WHERE = torch.ones(1, 1, 8, 8)


def test_one_level_is_the_difference_of_pixels() -> None:
    drawn, true = torch.rand(2, 4, 3, 8, 8, generator=torch.manual_seed(1))
    where = (torch.rand(4, 1, 8, 8) > 0.5).float()
    both = loss.difference(drawn, true, where), loss.pyramid_difference(drawn, true, where, 1)
    torch.testing.assert_close(*both)


@pytest.mark.parametrize("levels", [1, 2, 4])
def test_a_shade_counts_once(levels: int) -> None:
    assert float(loss.pyramid_difference(BLANK + 0.3, BLANK, WHERE, levels)) == pytest.approx(0.3)


def test_an_edge_counts_on_every_level_it_is_seen_on() -> None:
    board = (torch.arange(8)[:, None] + torch.arange(8)) % 2 * 2.0 - 1
    assert float(loss.pyramid_difference(board + BLANK, BLANK, WHERE, 3)) == pytest.approx(1)
    halves = (torch.arange(8) >= 4) * 2.0 - 1
    # Halved once it is the same edge of 4 pixels' width; both were interpolated over the edge:
    # 0.5 off at 2 of 8 columns, at 2 of 4; then the shades of 2 columns are left.
    expected = 0.5 * 2 / 8 + 0.5 * 2 / 4 + 1
    found = loss.pyramid_difference(halves + BLANK, BLANK, WHERE, 3)
    assert float(found) == pytest.approx(expected)


def test_what_is_outside_does_not_count() -> None:
    where = WHERE.clone()
    where[..., :4] = 0
    drawn = BLANK.clone()
    drawn[..., :4] = 9
    assert float(loss.pyramid_difference(drawn, BLANK, where, 3)) == 0
    assert float(loss.pyramid_difference(drawn, BLANK, where * 0, 3)) == 0
