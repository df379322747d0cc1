"""Networks of the task `lcag`, by name."""

from .transformer import LcagTransformer

MODELS = {"transformer": LcagTransformer}
