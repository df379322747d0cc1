"""A network of ours on the public test sets of jets, beside the published figures; prints a table.

    python benchmarks/jets_public.py jetclass test_20M/*.root --train train_100M/*.root --validation val_5M/*.root --method part --steps 1000000
    python benchmarks/jets_public.py top-tagging test.h5 --train train.h5 --validation val.h5 --method particlenet --steps 120000
    python benchmarks/jets_public.py jetclass test_20M/*.root --model runs/part

JetClass (https://zenodo.org/record/6619768) is read as it is. The top-tagging reference set (https://zenodo.org/record/2603256, arXiv:1902.09914), a table that pandas wrote to HDF5, is converted into
files of our own layout, which are found again in the folder (`pip install h5py hdf5plugin`); it holds momenta alone, so that networks take `model.particle_inputs=[kin]`, and all 17 inputs for JetClass.

Figures are those of arXiv:2202.03772: the share of jets whose most probable class is theirs; the area under the ROC curve, for ten classes its mean over pairs, one probability of the pair at a time; the
background rejection at 50 % and 30 % of signal, for JetClass of each class against QCD alone by p / (p + p(QCD)), at 50 % of the class, but 99 % of Hqql and 99.5 % of Tbl. Errors are those of the test
jets; the published ones scatter over trainings. A rejection by fewer than 50 background jets that pass is a lower bound at 95 %.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path

import numpy as np
from jets_samples import JETS
from jets_top_tagging import converted

from pphysml.evaluation.class_separation import pair_curve
from pphysml.evaluation.influence import Estimate, interval
from pphysml.evaluation.roc import Rejection, area, rejection, roc
from pphysml.evaluation.uncertainty import Interval, wilson
from pphysml.io.ragged import Array
from pphysml.tasks.jets.judging.jets_seen import JetsSeen
from pphysml.tasks.jets.schema import CLASSES_OF_JETCLASS
from pphysml.verbs.config import configuration
from pphysml.verbs.engine_choice import EngineChoice, choose
from pphysml.verbs.inputs import Inputs
from pphysml.verbs.train import train
from pphysml.verbs.training_inputs import TrainingInputs

SAMPLES = {"jetclass": (["jetclass", "particles"], "full"), "top-tagging": (["particles"], "kin")}
"""Presets, and what networks take of constituents."""

CLASSES = {"jetclass": list(CLASSES_OF_JETCLASS), "top-tagging": ["background", "signal"]}
"""Background is the first."""

POINTS = {"jetclass": [(name, {"Hqql": 0.99, "Tbl": 0.995}.get(name, 0.5)) for name in CLASSES_OF_JETCLASS[1:]], "top-tagging": [("signal", 0.5), ("signal", 0.3)]}
"""Class and its efficiency at which the background rejection is published."""

PUBLISHED = {
    "jetclass": {
        "PFN": ["0.772", "0.9714", "2924"], "P-CNN": ["", "0.9789"], "ParticleNet": ["0.844", "0.9849", "7634"], "ParT": ["0.861", "0.9877", "10638", "", "123"],
        "MIParT-L": ["0.861", "0.9878"], "L-GATr": ["0.866", "0.9885", "", "", "128"],
    },
    "top-tagging": {
        "P-CNN": ["0.930", "0.9803", "201 ± 4", "759 ± 24"], "PFN": ["0.932", "0.9819", "247 ± 3", "888 ± 17"], "ParticleNet": ["0.940", "0.9858", "397 ± 7", "1615 ± 93"],
        "ParT, not pretrained": ["0.940", "0.9858", "413 ± 16", "1602 ± 81"], "LorentzNet": ["0.942", "0.9868", "498 ± 18", "2195 ± 173"], "PELICAN": ["0.9426", "0.9870", "", "2250 ± 75"],
        "L-GATr": ["0.9423", "0.9870", "540 ± 20", "2240 ± 70"],
    },
}
"""Accuracy, AUC and rejections in the order of `POINTS`; what could not be verified is left out."""

SOURCES = {"jetclass": "arXiv:2202.03772, table 1; MIParT-L and L-GATr: arXiv:2411.00446, table 4", "top-tagging": "arXiv:2405.14806, table 1"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sample", choices=SAMPLES)
    parser.add_argument("files", nargs="+", help="of the test")
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument("--model", help="run folder or weights that are judged")
    given.add_argument("--train", nargs="+", help="files for a training, whose run is kept in the folder")
    parser.add_argument("--validation", nargs="+", default=[], help="files; else a share of those of the training")
    parser.add_argument("--method", choices=("part", "particlenet", "pfn", "small-part"), default="part")
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="other options of the training, as training.batch_size=512")
    parser.add_argument("--folder", type=Path, default=Path("jets-public"))
    arguments = parser.parse_args()
    run = arguments.model or trained(arguments)
    print(table(arguments.sample, run, *scored(arguments.sample, run, readable(arguments.files, arguments.folder))))


def readable(files: Sequence[str], folder: Path) -> list[str]:
    """Return the files, with converted ones in the place of those of HDF5."""
    return [str(converted(Path(file), folder)) if file.endswith((".h5", ".hdf5")) else file for file in files]


def trained(arguments: argparse.Namespace) -> str:
    """Return the run folder of a new training."""
    presets, inputs = SAMPLES[arguments.sample]
    options = [f"model.name={arguments.method}", f"model.particle_inputs=[{inputs}]", f"training.steps={arguments.steps}", *arguments.set]
    training, validation = (readable(files, arguments.folder) for files in (arguments.train, arguments.validation))
    run = arguments.folder / f"{arguments.sample}-{arguments.method}-{arguments.steps}"
    train(JETS, configuration(JETS, presets, options), TrainingInputs(Inputs(training), validation), output=run)
    return str(run)


def scored(sample: str, run: str, files: Sequence[str]) -> tuple[Array, Array]:
    """Return the probabilities of the classes, (jets, classes), and the number of the true one, (jets,)."""
    chosen = choose(JETS, EngineChoice(model=run))
    if list(chosen.config.data.classes) != CLASSES[sample] or chosen.config.data.background != CLASSES[sample][:1]:
        raise SystemExit(f"{run}: its classes are {', '.join(chosen.config.data.classes)}, and those of {sample} are {', '.join(CLASSES[sample])}, the first of which is background.")
    probabilities, labels, carry = [], [], None
    for chunk in Inputs(files).open(JETS, chosen.config, need_truth=True):
        examples, carry = JETS.assemble(chunk, carry, chosen.config)
        jets = JetsSeen.of(examples, chosen.engine(examples), chosen.config)
        probabilities.append(np.stack([jets.columns[f"prob_{name}"] for name in CLASSES[sample]], 1))
        labels.append(jets.label)
    return np.concatenate(probabilities), np.concatenate(labels)


def table(sample: str, run: str, probabilities: Array, label: Array) -> str:
    """Return the figures of a network above the published ones."""
    head = ["network", "accuracy", "AUC", *(f"rejection, {100 * efficiency:g} % of {name}" for name, efficiency in POINTS[sample])]
    right = wilson((probabilities.argmax(1) == label).sum(), len(label))
    rejections = [against_background(probabilities, label, CLASSES[sample].index(name), efficiency) for name, efficiency in POINTS[sample]]
    own = [f"{run}, {len(label)} test jets", said(right, 4), said(macro_auc(probabilities, label), 4), *(f"> {one.bound:.0f}" if one.few else said(one, 0 if one.value >= 100 else 1) for one in rejections)]
    others = [[name, *values, *[""] * (len(head) - 1 - len(values))] for name, values in PUBLISHED[sample].items()]
    return "\n".join([*(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), own, *others)), "", f"Published: {SOURCES[sample]}."])


def macro_auc(probabilities: Array, label: Array) -> Interval:
    """Return the area under the ROC curve of a class's probability against another class, in the mean over pairs (D. J. Hand, R. J. Till, Machine Learning 45 (2001) 171)."""
    pairs, influence, values = list(permutations(np.unique(label), 2)), np.zeros(len(label)), []
    for one, other in pairs:
        rows = np.flatnonzero((label == one) | (label == other))
        found = area(roc(probabilities[rows, one], label[rows] == one))
        influence[rows] += found.influence / len(pairs)
        values.append(found.value)
    return interval(Estimate(float(np.mean(values)), influence))


def against_background(probabilities: Array, label: Array, signal: int, efficiency: float) -> Rejection:
    """Return the rejection of the first class alone."""
    rows = (label == signal) | (label == 0)
    return rejection(pair_curve(probabilities[rows], label[rows], signal, 0), efficiency)


def said(value: Interval | Rejection, digits: int) -> str:
    return f"{value.value:.{digits}f} ± {(value.high - value.low) / 2:.{digits}f}"


if __name__ == "__main__":
    main()
