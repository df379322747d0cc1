"""A small Particle Transformer, for processors without an accelerator."""

from __future__ import annotations

from .attention_blocks import BlockSizes
from .particle_transformer import ParticleTransformer


class SmallTransformer(ParticleTransformer):
    """`ParticleTransformer` with a few narrow blocks and without dropout; see `networks`.

    Args:
        features, classes, jet_inputs: see there.
        width: of the states.
        blocks: in which constituents attend to each other.
    """

    def __init__(self, features: int, classes: int, jet_inputs: int = 0, width: int = 64, blocks: int = 3) -> None:
        sizes = BlockSizes(width, heads=4, widening=2, dropout=0.0)
        super().__init__(features, classes, jet_inputs, embedding=(width,), pairs=(16, 16), sizes=sizes, blocks=blocks, class_blocks=1)
