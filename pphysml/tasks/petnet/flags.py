"""Flags that only `pphysml petnet` has."""

from __future__ import annotations

from ...task import Flag

FLAGS = {
    "--window": Flag("apply.window", "TIME", "Largest time difference of a pair, as 500ps or 4.5ns; default: that of the model, 500ps without one."),
    "--energy-window": Flag("apply.energy_window", "LOW:HIGH", "Energies of singles in keV; default: that of the model, 391:601 without one."),
    "--delayed": Flag("apply.offset", "TIME", "Write pairs that are this late too, as 20ns, to a tree `delay`: an estimate of the randoms. Of the engine classical it is unbiased with --policy takeAllGoods and apply.classical.opening=every, and an offset below the dead time."),
    "--target": Flag("apply.target", "PAIRS", "What the engines likelihood and pairs look for: all pairs of one annihilation (the default), or unscattered ones, for less scatter and a higher NECR."),
    "--policy": Flag("apply.classical.policy", "NAME", "What the engine classical does with several singles in a window, in the words of GATE 9 or 10, as takeAllGoods or RemoveMultiples."),
    "--scanner": Flag("apply.scanner", "FILE", "YAML file of the scanner, or a known name such as safir: ids that the file lacks are made from positions, without singles outside, and a header for STIR (.hroot) is written."),
    "--files": Flag("apply.files", "RULE", "Whether time goes on from file to file (successive) or begins anew (independent); default: auto, by their times."),
    "--sort": Flag("apply.sort", "RULE", "Order of time of the singles: buffer (nearly in order, the default) or full (any order)."),
}
