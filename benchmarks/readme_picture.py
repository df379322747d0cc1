"""Make the picture that opens the README: one event's decoded matrix and tree.

    python benchmarks/readme_picture.py -o notebooks/decay_tree.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from pphysml.io.ragged import slice_rows
from pphysml.registry import get_task
from pphysml.tasks.lcag.judging.plots import gallery
from pphysml.tasks.lcag.reading.assemble import assemble
from pphysml.tasks.lcag.simulation.simulate import LcagSimulation
from pphysml.verbs.engine_choice import EngineChoice, choose


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--model", help="run folder or weights file; default: the shipped weights")
    arguments = parser.parse_args()
    chosen = choose(get_task("lcag"), EngineChoice(model=arguments.model))
    examples, _ = assemble(LcagSimulation(chosen.config, 77).block(0, 2000), None, chosen.config)
    heights = np.array([examples["lcag"][row].max(initial=0) for row in range(2000)])
    row = int(np.flatnonzero((examples["p4"].counts == 10) & (heights >= 4))[0])
    event = slice_rows(examples, row, row + 1)
    found = chosen.engine(event)
    masses = found["node_mass"][0]
    figure = gallery(
        found["lcag"][0].reshape(10, 10), found["parent"][0], found["node_level"][0], masses,
        truth=event["lcag"][0].reshape(10, 10),
    )
    figure.savefig(arguments.output, dpi=110)


if __name__ == "__main__":
    main()
