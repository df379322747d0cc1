"""Bits of the output column `flags`."""

from __future__ import annotations

KINK, NO_PEAK, SHORT, LATE, GAP, BEYOND = 1, 2, 4, 8, 16, 32

LARGEST_KINK = 0.271
"""Angle above which a track has a kink, rad (T. Kortus et al., IEEE TPAMI 45 (2023) 15820)."""

SHORTEST = 5
"""Hits of a track that is not short."""

BEYOND_ERRORS = 4
"""Standard errors by which a range must be longer than that of the beam for the flag `BEYOND`."""
