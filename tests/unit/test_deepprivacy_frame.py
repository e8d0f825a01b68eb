"""What DeepPrivacy is shown of a photo."""

from __future__ import annotations

import numpy as np
import pytest

from anonbench.anonymisers._deepprivacy_frame import cut, frame_of, hole, keypoints_in
from anonbench.types import Box


def test_square_grows_by_a_share_of_the_longer_side() -> None:
    # 60 x 80: 80 square from x = 100 - 10, and 0.35 * 80 = 28 more on each side.
    frame = frame_of(Box(100, 120, 160, 200), 400, 400)
    assert frame == ((100, 120, 160, 200), (62, 92, 198, 228))
    assert frame.side == 136
    assert frame.area == np.s_[120:200, 100:160]


@pytest.mark.parametrize(
    ("box", "size", "shown"),
    [
        # At the left edge, the square is moved into the photo and keeps its size.
        ((0, 120, 60, 200), (400, 400), (0, 92, 136, 228)),
        # 70 high: int(24.5) more on each side make 118, moved into the corner.
        ((350, 330, 400, 400), (400, 400), (282, 282, 400, 400)),
        # 100 pixels leave (100 - 80) // 2 = 10 on each side instead of 28.
        ((10, 10, 90, 90), (100, 400), (0, 0, 100, 100)),
        # A box taller than the photo is wide: 1.7 * 80 = 136 around (25, 50).
        ((0, 10, 50, 90), (50, 100), (-43, -18, 93, 118)),
    ],
)
def test_square_stays_in_the_photo_if_it_can(box, size, shown) -> None:
    assert frame_of(Box(*box), *size).shown == shown


def test_fractions_of_a_box_are_covered() -> None:
    assert frame_of(Box(10.2, 20.7, 29.1, 39.9), 100, 100).box == (10, 20, 30, 40)


@pytest.mark.parametrize("box", [(5, 5, 5, 9), (-9, 0, -1, 9), (100, 0, 120, 9)])
def test_box_that_covers_nothing_is_an_error(box) -> None:
    with pytest.raises(ValueError, match="empty or lies outside"):
        frame_of(Box(*box), 100, 100)


def test_box_that_is_not_finite_is_an_error() -> None:
    with pytest.raises(ValueError, match="not finite"):
        frame_of(Box(0, float("nan"), 9, 9), 100, 100)


def test_hole_is_where_the_box_is() -> None:
    # 64 x 64 grows to 108, so that one of its pixels is 128 / 108 pixels of the network's.
    frame = frame_of(Box(100, 100, 164, 164), 400, 400)
    assert frame.shown == (78, 78, 186, 186)
    # (100 - 78) * 128 / 108 = 26.07, (164 - 78) * 128 / 108 = 101.93
    expected = np.zeros((128, 128), bool)
    expected[26:102, 26:102] = True
    np.testing.assert_array_equal(hole(frame), expected)


def test_nothing_of_the_box_is_left_in_the_crop_beside_the_hole() -> None:
    for box in [(41, 53, 90, 117), (3, 7, 20, 31), (0, 10, 50, 90), (10, 40, 290, 299)]:
        size = (50, 100) if box[2] == 50 else (300, 300)
        frame = frame_of(Box(*box), *size)
        photo = np.zeros((size[1], size[0], 3), np.uint8)
        photo[frame.area] = 255
        seen = cut(photo, frame)[..., 0].astype(int)
        kept = seen[~hole(frame)]
        if frame.side > 128:  # averages do not reach beyond a pixel; the cubic kernel does
            assert kept.max() == 0
        assert (seen[hole(frame)] > 0).mean() > 0.9


def test_cut_is_black_beyond_the_photo() -> None:
    frame = frame_of(Box(0, 10, 50, 90), 50, 100)
    seen = cut(np.full((100, 50, 3), 200, np.uint8), frame)
    # The photo is shown from (43, 18) to (93, 118) of 136 pixels: 40.5 to 87.5 of 128 across.
    assert seen[60, 64].tolist() == [200, 200, 200]
    assert not seen[:, :38].any()
    assert not seen[:, 90:].any()
    assert not seen[:15].any()


def test_large_faces_are_averaged_unless_told_otherwise() -> None:
    stripes = np.zeros((600, 600, 3), np.uint8)
    stripes[:, ::2] = 255
    frame = frame_of(Box(150, 150, 450, 450), 600, 600)
    averaged, sampled = cut(stripes, frame), cut(stripes, frame, "cubic")
    assert np.ptp(averaged.astype(int)) < 100
    assert np.ptp(sampled.astype(int)) > 200


def test_keypoints_are_shares_of_the_square() -> None:
    frame = frame_of(Box(100, 100, 164, 164), 400, 400)
    points = np.array([[78, 78], [132, 105], [186, 159], [0, 0], [400, 100], [100, 399], [78, 79]])
    shares = keypoints_in(frame, points.astype(np.float32)).reshape(7, 2)
    expected = [
        [0, 0], [0.5, 0.25], [1, 0.75], [0, 0], [1, 22 / 108], [22 / 108, 1], [0, 1 / 108],
    ]  # fmt: skip
    np.testing.assert_allclose(shares, expected, rtol=1e-6)
    assert shares.dtype == np.float32


@pytest.mark.parametrize("shape", [(0, 2), (68, 2), (7, 3)])
def test_other_landmarks_are_an_error_that_names_the_detector(shape) -> None:
    frame = frame_of(Box(100, 100, 164, 164), 400, 400)
    with pytest.raises(ValueError, match=r"detectors: \[mediapipe_keypoints\]"):
        keypoints_in(frame, np.zeros(shape, np.float32))


def test_keypoints_that_are_not_finite_are_an_error() -> None:
    frame = frame_of(Box(100, 100, 164, 164), 400, 400)
    with pytest.raises(ValueError, match="not finite"):
        keypoints_in(frame, np.full((7, 2), np.nan, np.float32))
