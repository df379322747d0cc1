"""Whether what is stored beside the weights is what training stores."""

from __future__ import annotations

from ....errors import ModelError
from ....model_file import ModelFile
from ..classical.lookup import check_table
from ..classical.mass_engine import check_lines
from ..config import LcagConfig
from .calibration import Calibration


def check_stored(model: ModelFile) -> None:
    """Refuse ranges, tables and calibrations that are none.

    Raises:
        ModelError: one is of another type or shape, or not finite.
    """
    for name in model.prepared:
        if name.startswith("domain."):
            model.ranges("prepared", name, (2,))
    check_table(model)
    check_lines(model)
    # Those that came later are missing in old files.
    for name in dict.fromkeys(["temperature", *(name for name in Calibration._fields if name in model.finished)]):
        value = model.finite("finished", name, ())
        if name == "temperature" and value <= 0:
            raise ModelError(f"{model.named}: the stored temperature {float(value):g} is not above zero.")


def check_scales(config: LcagConfig, model: ModelFile) -> None:
    """Refuse means and widths of further features that are none of those configured.

    Raises:
        ModelError: they are missing, or of another type or shape, or not finite.
    """
    for kind, names in (("feature", config.data.features), ("pair_feature", config.data.pair_features)):
        for part in ("mean", "scale") if names else ():
            model.finite("prepared", f"{kind}_{part}", (len(names),))
