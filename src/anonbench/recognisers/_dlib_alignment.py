"""What both dlib recognisers share: landmarks as ``face_recognition`` has them, and face chips."""

from __future__ import annotations

from anonbench.five_points import FivePointAlignment


class DlibAlignment(FivePointAlignment):
    """Five landmarks, and chips of 150 x 150 pixels with a quarter of padding."""

    def __init__(self) -> None:
        super().__init__(size=150, padding=0.25)
