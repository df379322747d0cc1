"""Networks of the task `lcag`, by name."""

from .network import LcagNetwork
from .nri import LcagNri
from .paper_nri import PaperNri
from .paper_transformer import PaperTransformer
from .transformer import LcagTransformer

MODELS: dict[str, type[LcagNetwork]] = {
    "transformer": LcagTransformer,
    "nri": LcagNri,
    "paper-transformer": PaperTransformer,
    "paper-nri": PaperNri,
}
