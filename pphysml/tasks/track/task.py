"""The task `track`: tracks of protons through a layered calorimeter."""

from __future__ import annotations

from ...task import Export, Flag, FurtherTree, Task

_HERE = "pphysml.tasks.track"

TASK = Task(
    name="track",
    summary="Proton tracks in a digital tracking calorimeter, with their energies and water-equivalent path lengths.",
    layouts=f"{_HERE}.schema:LAYOUTS",
    output="example",
    output_tree="tracks",
    output_fields=f"{_HERE}.schema:OUTPUT_FIELDS",
    further_trees={"wepl": FurtherTree(f"{_HERE}.output.wepl_list:WEPL_FIELDS", f"{_HERE}.output.wepl_list:wepl_list")},
    config=f"{_HERE}.config:TrackConfig",
    presets=f"{_HERE}.presets",
    simulation=f"{_HERE}.simulation.simulate:TrackSimulation",
    assemble=f"{_HERE}.reading.assemble:assemble",
    assemble_training=f"{_HERE}.reading.assemble:assemble_training",
    learner=f"{_HERE}.learner:TrackLearner",
    engines={
        "network": f"{_HERE}.engines:NetworkEngine",
        "follower": f"{_HERE}.classical.references:FollowerEngine",
        "deflection": f"{_HERE}.classical.references:DeflectionEngine",
        "straight": f"{_HERE}.classical.references:StraightEngine",
        "perfect": f"{_HERE}.classical.references:PerfectEngine",
    },
    default_engine="network",
    evaluator=f"{_HERE}.judging.metrics:TrackEvaluator",
    domain=f"{_HERE}.models.domain:outside",
    foreign_weights=f"{_HERE}.models.published_weights:start_from_published",
    flags={
        "--protons-per-frame": Flag("apply.protons_per_frame", "N", (
            "Make frames of N particles with hits, where the file has one hit per entry; default: 100.")),
        "--frame-time": Flag("apply.frame_time", "SECONDS", "Make frames of this readout time instead.", instead_of="--protons-per-frame"),
        "--geometry": Flag("apply.geometry", "FILE", (
            "YAML file of the calorimeter, or a known name; default: learned from the hits.")),
    },
    exports={"safetensors": Export("pphysml.verbs.export:to_safetensors")},
    importers={"dtc-npz": f"{_HERE}.reading.published_npz:columns"},
    weights={"mixed": "mixed.safetensors"},
    weights_package=f"{_HERE}.weights",
)
