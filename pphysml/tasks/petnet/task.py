"""The task `petnet`: photon coincidences in the singles of a PET scanner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...contract import (
    LIST_FORMAT,
    SORT,
    Engine,
    Evaluator,
    Export,
    FilesBeside,
    Flag,
    FurtherTree,
    LastStep,
    Learner,
    Simulation,
    Verb,
)
from ...task import Task
from .models.spiking.nir_importing import EXACT, LIF

if TYPE_CHECKING:
    from pathlib import Path

    from ...io.carry import Carry
    from ...io.ragged import Array, Columns
    from ...io.schema import Field, Layout
    from ...model_file import ModelFile
    from .config import PetConfig

READING: tuple[Verb, ...] = ("apply", "evaluate", "validate")
JUDGED: tuple[Verb, ...] = ("apply", "evaluate")


class Petnet(Task["PetConfig"]):
    """See the module."""

    name = "petnet"
    summary = "Photon coincidences in the singles of a PET scanner."
    example = "span"
    output = "free"
    output_tree = "Coincidences"
    further_tree_names = ("delay", "candidates")
    engines = ("pairs", "snn", "likelihood", "classical")
    default_engine = "likelihood"
    networks = {"pairs": "pairs", "snn": "toy-snn"}
    looks_first = ("snn",)
    simulates = True
    weights = {name: f"{name}.safetensors" for name in ("pairs", "toy-snn", "published-snn", "published-snn-geometry")}
    exports = {**Task.exports, "snntorch": Export(), "nir": Export(note=LIF), "nir-exact": Export(note=EXACT)}
    own_flags = {
        "--window": Flag("apply.window", "TIME", "Largest time difference of a pair, as 500ps or 4.5ns; default: that of the model, 500ps without one.", READING),
        "--energy-window": Flag("apply.energy_window", "LOW:HIGH", "Energies of singles in keV; default: that of the model, 391:601 without one.", READING),
        "--delayed": Flag("apply.offset", "TIME", "Write pairs that are this late too, as 20ns, to a tree `delay`: an estimate of the randoms. Of the engine classical it is unbiased with --policy takeAllGoods and apply.classical.opening=every, and an offset below the dead time."),
        "--target": Flag("apply.target", "PAIRS", "What the engines likelihood and pairs look for: all pairs of one annihilation (the default), or unscattered ones, for less scatter and a higher NECR.", JUDGED),
        "--candidates": Flag("apply.candidates", "P", "Write all pairs in the window whose probability is at least P (0 for all) to a tree `candidates` with the probability of each as its score, too: weights instead of choices. Engines likelihood and pairs."),
        "--randoms": Flag("apply.randoms", "true|false", "Write the rate of random pairs in the line of response of each pair, 2 tau S1 S2 by the singles of its crystals (randomRate, 1/s), to the trees and to the list of --list-format: all random pairs in the window. Engine classical, right with --policy takeAllGoods and apply.classical.opening=every; engines likelihood and pairs with --candidates.", alone="true", values=("true", "false")),
        "--policy": Flag("apply.classical.policy", "NAME", "What the engine classical does with several singles in a window, in the words of GATE 9 or 10, as takeAllGoods or RemoveMultiples.", JUDGED),
        "--scanner": Flag("apply.scanner", "FILE", "YAML file of the scanner, or a known name such as safir: ids that the file lacks are made from positions, without singles outside, and a header for STIR (.hroot) is written.", READING),
        "--list-format": Flag("apply.list_format", "castor|yrt-pet", LIST_FORMAT),
        "--tof": Flag("apply.tof", "FWHM", "Resolution of the time difference of a coincidence, as 250ps, or learnt (by likelihood and pairs): time of flight is written into headers and lists; needs the scanner."),
        "--files": Flag("apply.files", "RULE", "Whether time goes on from file to file, and inside a file where jobs were merged (successive), or acquisitions of their own begin there (independent); default: auto, by times and event numbers.", READING),
        "--sort": Flag("apply.sort", "RULE", SORT, READING, alone="full", values=("buffer", "full")),
    }

    @property
    def config_class(self) -> type[PetConfig]:
        """The class of the configuration."""
        from .config import PetConfig

        return PetConfig

    def layouts(self) -> tuple[Layout, ...]:
        """Return the layouts that the task reads."""
        from .schema import LAYOUTS

        return LAYOUTS

    def output_fields(self, config: PetConfig) -> Sequence[Field]:
        """Return the fields of the output tree."""
        from .schema import OUTPUT_FIELDS, RANDOM_RATE

        return (*OUTPUT_FIELDS, RANDOM_RATE) if config.apply.randoms else OUTPUT_FIELDS

    def assemble(self, chunk: Columns | None, carry: Carry | None, config: PetConfig) -> tuple[Columns, Carry | None]:
        """Make slices of time for applying; see `reading.assemble`."""
        from .reading.assemble import assemble

        return assemble(chunk, carry, config)

    def assemble_training(self, chunk: Columns | None, carry: Carry | None, config: PetConfig) -> tuple[Columns, Carry | None]:
        """Make slices of time for training."""
        from .reading.assemble import assemble_training

        return assemble_training(chunk, carry, config)

    def learner(self, config: PetConfig) -> Learner:
        """Return what the training loop knows of the network."""
        from .learner import pet_learner

        return pet_learner(config)

    def make_engine(self, name: str, config: PetConfig, model: ModelFile | None, device: Any) -> Engine:
        """Make one of the engines."""
        from .engines import make_engine

        return make_engine(name, config, model, device)

    def evaluator(self, config: PetConfig, engine: str) -> Evaluator:
        """Return what judges an engine."""
        from .judging.metrics import PetEvaluator

        return PetEvaluator(config, engine)

    def simulation(self, config: PetConfig, seed: int) -> Simulation:
        """Return simulated singles."""
        from .simulation.simulate import PetSimulation

        return PetSimulation(config, seed)

    def check_stored(self, model: ModelFile) -> None:
        """Refuse ranges of the training that are none."""
        from .models.domain import check_domain

        check_domain(model)

    def domain(self, examples: Columns, prepared: Mapping[str, Array], config: PetConfig) -> list[str]:
        """Return how slices leave the ranges of the training."""
        from .models.domain import outside

        return list(outside(examples, prepared))

    def look_first(self, engine: str, columns: Columns, config: PetConfig) -> None:
        """Refuse singles that do not lie in the crystals which are the inputs of the spiking network."""
        from .output.first_look import check_crystals

        check_crystals(columns, config)

    def last_step(self, config: PetConfig) -> LastStep:
        """Return what gives pairs the columns of GATE's tree."""
        from .output.columns import PetLastStep

        return PetLastStep(config)

    def output_rows(self, columns: Columns) -> Columns:
        """Return the prompt pairs."""
        from .output.columns import prompts

        return prompts(columns)

    def further_trees(self, config: PetConfig) -> dict[str, FurtherTree]:
        """Return the trees of the delayed pairs and of all candidates, if they are asked for."""
        from .output.columns import delayeds, delayeds_wanted, listed_candidates

        rows = {"delay": delayeds} if delayeds_wanted(config) else {}
        rows |= {"candidates": listed_candidates} if config.apply.candidates is not None else {}
        return {name: FurtherTree(self.output_fields(config), of) for name, of in rows.items()}

    def files_beside(self, config: PetConfig, engine: str, output: Path) -> list[FilesBeside]:
        """Return the headers for STIR, where the scanner is known, and the list that is asked for."""
        from .list_mode.files import files_beside

        return files_beside(config, engine, output)

    def export(self, format: str, model: ModelFile) -> tuple[bytes, ...]:
        """Return the contents of the files of a format."""
        if format == "snntorch":
            from .models.spiking.snntorch_file import to_snntorch_file

            return to_snntorch_file(model)
        if format in ("nir", "nir-exact"):
            from .models.spiking.nir_file import to_exact_nir_file, to_nir_file

            return (to_nir_file if format == "nir" else to_exact_nir_file)(model)
        return super().export(format, model)
