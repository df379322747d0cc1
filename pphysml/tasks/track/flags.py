"""Bits of the output column `flags`."""

from __future__ import annotations

KINK, NO_PEAK, SHORT, LATE, GAP = 1, 2, 4, 8, 16

LARGEST_KINK = 0.271
"""Angle above which a track has a kink, rad (T. Kortus et al., IEEE TPAMI 45 (2023) 15820)."""

SHORTEST = 5
"""Hits of a track that is not short."""
