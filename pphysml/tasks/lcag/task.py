"""The task `lcag`: decay trees from their leaves."""

from __future__ import annotations

from ...task import Export, Flag, Task

_HERE = "pphysml.tasks.lcag"

TASK = Task(
    name="lcag",
    summary="Decay trees from their leaves, through the lowest-common-ancestor-generations matrix.",
    layouts=f"{_HERE}.schema:LAYOUTS",
    output="entry",
    output_tree="lcag",
    output_fields=f"{_HERE}.schema:OUTPUT_FIELDS",
    config=f"{_HERE}.config:LcagConfig",
    presets=f"{_HERE}.presets",
    simulation=f"{_HERE}.simulation.simulate:LcagSimulation",
    assemble=f"{_HERE}.reading.assemble:assemble",
    learner=f"{_HERE}.learner:LcagLearner",
    engines={
        "network": f"{_HERE}.engines:NetworkEngine",
        "massline": f"{_HERE}.engines:MasslineEngine",
        "combiner": f"{_HERE}.classical.combiner:CombinerEngine",
        "lookup": f"{_HERE}.engines:LookupEngine",
    },
    default_engine="network",
    evaluator=f"{_HERE}.judging.metrics:LcagEvaluator",
    domain=f"{_HERE}.models.domain:outside",
    finish=f"{_HERE}.output.last_step:LcagFinish",
    flags={
        "--match": Flag("apply.match", "TEMPLATE", (
            "Flag events whose trees contain this decay, children in any order: 'D0 -> K- pi+', "
            "'((* *) *)', or a YAML file. Labels are particles or masses in GeV. Charges are compared where the "
            "leaves have a branch `charge`, up to charge conjugation of the whole decay; masses alone otherwise.")),
        "--signal-side": Flag("apply.signal_side", "BRANCH", (
            "Leaves for which this branch is not 0 are a signal side that is known; the rest of the "
            "event is reconstructed.")),
    },
    exports={
        "safetensors": Export("pphysml.verbs.export:to_safetensors"),
        "onnx": Export(f"{_HERE}.export.onnx_export:to_onnx", beside=("_decoder.py",)),
    },
    importers={"baumbauen-npy": f"{_HERE}.reading.baumbauen:read"},
    weights={"paper": "paper.safetensors", "detector": "detector.safetensors"},
    weights_package=f"{_HERE}.weights",
)
