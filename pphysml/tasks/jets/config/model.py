"""Options of the network of `jets`, and of what keeps its scores from showing the mass."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from ....config import Config, option
from ..particle_schema import MOMENTA, PARTICLE_SETS
from .expression_options import checked

INPUTS = [
    "log(jet_pt)", "jet_tau2 / jet_tau1", "jet_tau3 / jet_tau2", "jet_tau4 / jet_tau3", "jet_d2", "jet_c2", "jet_n2", "jet_nconstituents", "jet_ptd", "jet_width",
]

COMMA = re.compile(r"\s*,\s*(?![^()]*\))")

Decorrelation = Literal["none", "planing", "adversarial", "disco", "mode", "quantile"]


OF_CONSTITUENTS = ("pfn", "particlenet", "part", "small-part")
"""Networks that take the constituents of jets."""

SIZES = {"pfn": {"inner_layers": "inner", "outer_layers": "outer"}, "small-part": {"width": "width", "blocks": "blocks"}}
"""Network -> option -> what the network calls it."""

OF_ONE: dict[str, tuple[str, tuple[str, ...]]] = {
    **dict.fromkeys(("layers", "activation", "dropout"), ("name", ("mlp",))), **dict.fromkeys(("trees", "leaves", "shrinkage"), ("name", ("trees",))),
    **dict.fromkeys(("particle_inputs", "most_particles"), ("name", OF_CONSTITUENTS)),
    **{option: ("name", (name,)) for name, options in SIZES.items() for option in options},
    "parametrise": ("name", ("mlp", "trees", *OF_CONSTITUENTS)), "strength": ("decorrelate", ("adversarial", "disco", "mode")),
    **dict.fromkeys(("adversary_steps", "adversary_rate", "adversary_density"), ("decorrelate", ("adversarial",)))}
"""Option -> the other one on which it depends whether it has an effect, and with what values of that it has."""


class ModelConfig(Config):
    """The network, and what its scores are to be independent of."""

    name: Literal["mlp", "trees", "score", "pfn", "particlenet", "part", "small-part"] = option("mlp", "`mlp`: layers on the inputs; `trees`: boosted trees on them; `score`: the one input as it is, an existing score that is judged, calibrated and made flat; and networks of constituents: `pfn`, a Particle Flow Network (arXiv:1810.05165); `particlenet` (arXiv:1902.08570); `part`, the Particle Transformer (arXiv:2202.03772); `small-part`, a small one.")
    inputs: list[str] = option(lambda: INPUTS, "Expressions over the columns of jets and over branches; what is not finite counts as the mean. Networks of constituents take them besides, by default none.")
    particle_inputs: list[str] = option(lambda: ["kinpid"], "What networks take of each constituent: `kin`, momentum and distance from the axis; `kinpid`, charge and type too; `full`, impact parameters too, the 17 of arXiv:2202.03772; and further expressions over constituents, as [kin, part_d0 / part_d0_error].")
    most_particles: int = option(128, "Most constituents of a jet; of more, those with the largest transverse momenta are taken, and such jets are counted.", ge=1)
    layers: list[int] = option(lambda: [64, 64, 64], "Widths of the layers of `mlp`.")
    activation: Literal["relu", "tanh", "gelu"] = option("relu", "Between the layers.")
    dropout: float = option(0.0, "Share of each layer's outputs that are left out while training.", ge=0, lt=1)
    inner_layers: list[Annotated[int, Field(ge=1)]] = option(lambda: [128, 128, 128], "Widths of the layers of `pfn` on each constituent.", min_length=1)
    outer_layers: list[Annotated[int, Field(ge=1)]] = option(lambda: [128, 128, 128], "Widths of its layers behind the sum.", min_length=1)
    width: int = option(64, "Width of `small-part`, a multiple of 4.", ge=4, multiple_of=4)
    blocks: int = option(3, "Blocks of `small-part` in which constituents attend to each other.", ge=1)
    parametrise: bool = option(False, "Give the resonance mass to the network (arXiv:1601.07913); that of background is drawn anew for every batch. See apply.resonance_mass.")
    decorrelate: Decorrelation = option("none", "What keeps the scores of background jets from showing `against`: weights that make its spectrum that of the signal, an adversary (arXiv:1611.01046), the distance correlation (arXiv:2001.05310), Legendre moments (arXiv:2010.09745), or a map fitted afterwards. See --decorrelate.")
    against: list[str] = option(lambda: ["jet_mass"], "Expressions that the scores are to be independent of, all of them: the map and the adversary together, planing at most two; the distance correlation along each and along sums and differences of any two, Legendre moments one by one. See --against.")
    strength: float = option(10.0, "Factor of the loss, or of the adversary's, of `decorrelate`.", gt=0)
    quantile_map: bool = option(False, "Fit the map in addition to another way of `decorrelate`.")
    adversary_steps: int = option(3, "Steps of the adversary for each of the network.", ge=1)
    adversary_rate: float = option(3e-3, "Peak learning rate of the adversary.", gt=0)
    adversary_density: Literal["bins", "mixture"] = option("bins", "How the adversary says what it makes of the mass: bins of equal numbers, or a mixture of Gaussians.")
    trees: int = option(300, "Trees of `trees`.", ge=1)
    leaves: int = option(31, "Leaves of a tree.", ge=2)
    shrinkage: float = option(0.1, "Learning rate of `trees`.", gt=0, le=1)

    @field_validator("inputs", "against", "particle_inputs", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        """Take expressions with commas between them, as --against has them; commas inside brackets part nothing."""
        return COMMA.split(value) if isinstance(value, str) else value

    @field_validator("inputs", "against")
    @classmethod
    def _expressions(cls, texts: list[str]) -> list[str]:
        for text in texts:
            checked(text)
        return texts

    @field_validator("particle_inputs")
    @classmethod
    def _one_set(cls, texts: list[str]) -> list[str]:
        if not texts or texts[0] not in PARTICLE_SETS or set(texts[1:]) & set(PARTICLE_SETS):
            raise ValueError(f"must begin with one of {', '.join(PARTICLE_SETS)}, behind which expressions may follow")
        return texts[:1] + cls._expressions(texts[1:])

    @model_validator(mode="after")
    def _some_inputs(self) -> ModelConfig:
        if self.takes_constituents and "inputs" not in self.model_fields_set:
            self.inputs = []
        for name, texts in (("inputs", self.inputs or self.takes_constituents), ("against", self.against)):
            if not texts:
                raise ValueError(f"model.{name} must have at least one expression")
        return self

    @model_validator(mode="after")
    def _with_effect(self) -> ModelConfig:
        given = self.model_dump()
        for name in self.changed(OF_ONE):
            of, values = OF_ONE[name]
            if given[of] not in values:
                raise ValueError(f"model.{name} has no effect with model.{of}={given[of]}: it is of {' or '.join(values)}")
        return self

    @property
    def sizes(self) -> dict[str, Any]:
        """What a network of constituents is made with."""
        return {theirs: self.model_dump()[ours] for ours, theirs in SIZES.get(self.name, {}).items()}

    @property
    def takes_constituents(self) -> bool:
        """Whether the network takes the constituents of jets."""
        return self.name in OF_CONSTITUENTS

    @property
    def particle_columns(self) -> list[str]:
        """What is read of constituents besides what expressions take, momenta first."""
        return [*MOMENTA, *PARTICLE_SETS[self.particle_inputs[0]]] if self.takes_constituents else []

    @property
    def particle_expressions(self) -> list[str]:
        """The further expressions over constituents."""
        return self.particle_inputs[1:] if self.takes_constituents else []

    @property
    def fits_map(self) -> bool:
        """Whether the map is fitted that makes scores flat."""
        return self.quantile_map or self.decorrelate == "quantile"
