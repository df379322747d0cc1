"""The task `petnet`: photon coincidences in the singles of a PET scanner."""

from __future__ import annotations

from ...task import Export, FurtherTree, Task
from .flags import FLAGS

_HERE = "pphysml.tasks.petnet"

TASK = Task(
    name="petnet",
    summary="Photon coincidences in the singles of a PET scanner.",
    layouts=f"{_HERE}.schema:LAYOUTS",
    output="free",
    output_tree="Coincidences",
    output_fields=f"{_HERE}.schema:OUTPUT_FIELDS",
    output_rows=f"{_HERE}.output.columns:prompts",
    further_trees={"delay": FurtherTree(f"{_HERE}.schema:OUTPUT_FIELDS", f"{_HERE}.output.columns:delayeds", f"{_HERE}.output.columns:delayeds_wanted")},
    files_beside={".hroot": f"{_HERE}.output.columns:stir_header_beside"},
    config=f"{_HERE}.config:PetConfig",
    presets=f"{_HERE}.presets",
    simulation=f"{_HERE}.simulation.simulate:PetSimulation",
    assemble=f"{_HERE}.reading.assemble:assemble",
    assemble_training=f"{_HERE}.reading.assemble:assemble_training",
    learner=f"{_HERE}.learner:pet_learner",
    engines={
        "pairs": f"{_HERE}.models.pairs.engines:PairsEngine",
        "snn": f"{_HERE}.models.spiking.engines:snn_engine",
        "likelihood": f"{_HERE}.models.pairs.engines:LikelihoodEngine",
        "classical": f"{_HERE}.classical.engine:ClassicalEngine",
    },
    default_engine="likelihood",
    networks={"pairs": "pairs", "snn": "toy-snn"},
    first_looks={"snn": f"{_HERE}.output.first_look:check_crystals"},
    evaluator=f"{_HERE}.judging.metrics:PetEvaluator",
    domain=f"{_HERE}.models.domain:outside",
    finish=f"{_HERE}.output.columns:PetFinish",
    flags=FLAGS,
    exports={
        "safetensors": Export("pphysml.verbs.export:to_safetensors"),
        "nir": Export(f"{_HERE}.models.spiking.nir_file:to_nir_file"),
        "nir-exact": Export(f"{_HERE}.models.spiking.nir_file:to_exact_nir_file"),
    },
    weights={"pairs": "pairs.safetensors", "toy-snn": "toy-snn.safetensors"},
    weights_package=f"{_HERE}.weights",
)
