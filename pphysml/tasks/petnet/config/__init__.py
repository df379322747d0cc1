"""Options of the task `petnet`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field as Limits
from pydantic import model_validator

from ....config import Config, option
from ....own_network import is_own, or_own
from ....training.config import InputConfig, TaskConfig, TrainingConfig
from .digitizer import DigitizerConfig, Level
from .engines import EVEN, ClassicalConfig
from .quantities import EnergyRange, Picoseconds, Tof, Window
from .simulation import SimulationConfig
from .spiking import CoincidenceConfig, PublishedConfig

Network = Literal["pairs", "coincidence", "published"]

JUDGING_WINDOW = 1000.0
"""Time difference beyond which no time of flight and no resolution of a scanner with time of flight takes a pair, ps."""


class DataConfig(InputConfig):
    """What a single and a candidate pair are in training; applying takes the same unless options say otherwise."""

    scanner: str | None = option(None, "Scanner: a known name, or a YAML file; null takes ids and positions as they are.")
    energy_window: EnergyRange | None = option((391.0, 601.0), "Singles outside are left out; null keeps all.", "keV")
    window: Window = option(500.0, "Largest time difference of a pair.", "ps")
    max_delay: Annotated[Picoseconds, Limits(ge=0, le=1e9)] = option(0.0, "Largest difference of the fixed delays of two crystals, for which slices of time leave room.", "ps")
    slice_singles: int = option(1024, "Singles in a slice of time, an example of the training, at least.", ge=2)


class ModelConfig(Config):
    """The network."""

    name: Annotated[Network | str, *or_own(Network)] = option("pairs", "Network: of candidate pairs, or a spiking one, of coincidence neurons, that of arXiv:2504.06730 or one of your own, FILE.py:CLASS.")
    width: int = option(32, "Width of a pair's state, of the network `pairs`.", ge=4, le=8192)
    rounds: int = option(2, "Rounds in which pairs that share singles exchange messages, of the network `pairs`.", ge=0, le=200)
    survey_singles: int = option(1_000_000, "Singles from which the likelihood of pairs is learnt before the training, over all settings together, of the network `pairs`.", ge=1000)
    coincidence: CoincidenceConfig = option(CoincidenceConfig, "Options of the network `coincidence`.")
    published: PublishedConfig = option(PublishedConfig, "Options of the network `published`; bins, loss and decoding of one of your own.")

    @property
    def in_bins(self) -> bool:
        """Whether the network takes and returns spikes in bins of time."""
        return self.name == "published" or is_own(self.name)


class JudgingConfig(Config):
    """What evaluating needs to know; for engines that are compared it must be the same."""

    window: Window | None = option(None, "Largest time difference of the pairs that an engine should find; null takes 1000 ps, or the window if that is longer.", "ps")
    object_radius: float | None = option(None, "Radius of the phantom, for NECR (NEMA NU 4); null learns it from the true pairs.", "mm", gt=0)


class ApplyConfig(Config):
    """How files become slices of singles, and pairs are taken."""

    scanner: str | None = option(None, "Scanner: a known name, or a YAML file; see --scanner.")
    window: Window | None = option(None, "Largest time difference of a pair; null takes data.window; see --window.", "ps")
    energy_window: EnergyRange | None = option(None, "Energies of singles; null takes data.energy_window; see --energy-window.", "keV")
    offset: Picoseconds = option(0.0, "Delay of a second window, whose pairs are random by construction; 0 makes none; see --delayed.", "ps", ge=0)
    files: Literal["auto", "successive", "independent"] = option("auto", "Whether time goes on from file to file, and inside a file where time or event numbers begin anew, as in jobs merged into one tree (successive: all is one acquisition); or what comes is an acquisition of its own, without pairs of both (independent). auto takes it as one of its own where time begins anew, not where event numbers alone do.")
    sort: Literal["buffer", "full"] = option("buffer", "Order of time: with singles that come late by up to sort_buffer others, or any order, by way of temporary files; see --sort.")
    sort_buffer: int = option(200_000, "Singles among which the order of time is looked for.", ge=1)
    slice_singles: int = option(4096, "Singles in a slice of time at least.", ge=2)
    survey_singles: int = option(2_000_000, "Singles from which is learnt what must be known of the data: of the engines likelihood and pairs, spread over all of them; else the first ones.", ge=1)
    most_states: int = option(32, "States of a measurement, as positions of its bed, that the engines likelihood and pairs learn each by itself, in a second or more for each; of more, those most alike are learnt together.", ge=1)
    axis: Literal["auto", "x", "y", "z"] = option("auto", "Axis of the scanner; auto takes that around which the places of singles are a circle, and z in doubt.")
    centre: tuple[float, float, float] | None = option(None, "Middle of the scanner; null finds it in the places of singles.", "mm")
    background_sources: list[int] = option(list, "Numbers of sources (sourceID) that are background, such as the Lu-176 of the crystals.")
    block_size: int = option(500_000, "Entries of a file that are read at a time.", ge=1)
    volume_levels: list[Level] = option(list, "What the copy numbers in GATE 10's names of volumes are, from the innermost outwards, as [crystal, module, rsector]; empty takes the names to tell volumes apart only.")
    digitizer: DigitizerConfig = option(DigitizerConfig, "Hits to singles, where files hold hits.")
    classical: ClassicalConfig = option(ClassicalConfig, "Options of the engine `classical`.")
    calibrate_delays: bool = option(False, "Measure the delay of every crystal in the singles that are surveyed, and correct for it, in the engines classical, likelihood and pairs; see data.max_delay.")
    target: Literal["all", "unscattered"] = option("all", "Pairs that the engines likelihood and pairs look for: all of one annihilation, or those whose photons were not scattered in the object; see --target.")
    min_score: float | None = option(None, "Smallest probability of a pair that a likelihood or a network takes; null takes what lets the largest F1 be expected in the singles that are surveyed, and 0.5 for the engine snn.", "", ge=0, le=1)
    candidates: float | None = option(None, "Smallest probability of the pairs in the window that the engines likelihood and pairs list in a tree `candidates`, whether they are taken or not; 0 lists all, null makes no list; see --candidates.", "", ge=0, le=1)
    randoms: bool = option(False, "Write the rate of random pairs in the line of response of each pair, by the rates of the singles of its crystals at its time, into trees and lists; the input is read twice for it; see --randoms.")
    list_format: Literal["root", "castor", "yrt-pet"] = option("root", "What else the pairs are written as, beside the output: castor (.Cdh, .Cdf, and the scanner as .hscan, .lut) or yrt-pet (.lmDat, and the scanner as .json, .lut); needs the scanner; see --list-format.")
    tof: Tof | None = option(None, "FWHM of the time difference of a coincidence, with which time of flight is written into headers and lists; learnt takes what the engines likelihood and pairs learn of it, null writes none; see --tof.", "ps")
    judging: JudgingConfig = option(JudgingConfig, "Evaluating.")


class PetConfig(TaskConfig):
    """All options of the task `petnet`."""

    simulation: SimulationConfig = option(SimulationConfig, "Simulated data, where there are no files.")
    data: DataConfig = option(DataConfig, "Input.")
    model: ModelConfig = option(ModelConfig, "Network.")
    training: TrainingConfig = option(lambda: TrainingConfig(batch_size=16, block_size=64, window_blocks=2, validation_events=400, steps=4000, learning_rate=1e-3), "Training.")
    apply: ApplyConfig = option(ApplyConfig, "Applying.")

    @property
    def entries_at_a_time(self) -> int:
        """Entries of a file that are read at a time."""
        return self.apply.block_size

    @property
    def window(self) -> float:
        """Largest time difference of a pair when applying, ps."""
        return self.apply.window or self.data.window

    @property
    def judging_window(self) -> float:
        """Largest difference of the measured times of the pairs that an engine should find, ps."""
        return (self.apply.judging.window or max(JUDGING_WINDOW, self.window)) + self.data.max_delay

    @property
    def reach(self) -> float:
        """Largest difference of the measured times of a pair, before delays of crystals are corrected, ps."""
        return self.window + self.data.max_delay

    @property
    def energy_window(self) -> tuple[float, float] | None:
        """Energies of singles when applying, keV."""
        return self.apply.energy_window or self.data.energy_window

    @property
    def ignored_target(self) -> list[str]:
        """Sentence of an engine that looks for pairs of one annihilation only, if others are wanted."""
        return ["apply.target (--target) has no effect on this engine: likelihood and pairs tell unscattered pairs"] if self.apply.target != "all" else []

    @property
    def min_score(self) -> float:
        """Smallest probability of a pair of an engine that does not survey the singles."""
        return EVEN if self.apply.min_score is None else self.apply.min_score

    @property
    def scanner(self) -> str | None:
        """Name or path of the scanner when applying."""
        return self.apply.scanner or self.data.scanner

    @property
    def n_crystals(self) -> int:
        """Crystals of the scanner of the training, each of which is an output of a spiking network.

        Raises:
            ConfigError: no scanner is named.
        """
        from ..scanner.scanner import scanner_of

        return scanner_of(self.data.scanner).n_crystals

    @property
    def n_inputs(self) -> int:
        """Inputs of a spiking network: crystals, and as many plausible partners with `model.published.geometry`."""
        return self.n_crystals * (2 if self.model.published.geometry else 1)

    @model_validator(mode="after")
    def _files_beside_need(self) -> PetConfig:
        for name, wanted in (("list_format (--list-format)", self.apply.list_format != "root"), ("tof (--tof)", self.apply.tof is not None)):
            if wanted and self.scanner is None:
                raise ValueError(f"apply.{name} needs the scanner, whose crystals the files name; give --scanner")
        if self.apply.tof is not None and self.apply.calibrate_delays:
            raise ValueError("apply.tof (--tof) cannot be used with apply.calibrate_delays, since times are written as the input has them, with the delays of crystals in them")
        return self

    @model_validator(mode="after")
    def _windows_apart(self) -> PetConfig:
        if 0 < self.apply.offset < 2 * self.reach:
            delays = f" and data.max_delay, {self.reach:g} ps in all" if self.data.max_delay else f" of {self.window:g} ps"
            raise ValueError(f"the delayed window must lie outside the prompt one: apply.offset (--delayed) must be at least twice the window{delays}")
        return self
