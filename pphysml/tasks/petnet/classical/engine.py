"""The engine `classical`: a coincidence sorter."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....contract import Engine
from ....errors import InputError
from ....io.ragged import Columns, Ragged, ragged
from ....model_file import ModelFile
from ..coincidences.pairs import Pairs
from ..coincidences.singles import singles_of
from ..config import PetConfig
from ..delays.correction import Delays, with_corrected_times
from ..delays.survey import DelaySurvey
from ..reading.first_singles import FirstSingles
from ..reading.placement import Placement, PlacementSurvey
from ..reading.slices import slice_times
from ..scanner.scanner import Scanner, load_scanner
from .rates_note import RatesNote
from .ring_sectors import Ring, RingSectors
from .sorter import DelayedWindows, cuts_of, cuts_places, sort_pairs, with_volumes
from .window_check import WindowCheck


class ClassicalEngine(Engine):
    """Windows, policies and cuts as in GATE; see `config.engines.ClassicalConfig`.

    Attributes:
        delays: of the crystals, once they are needed; None if they are not calibrated.
    """

    def __init__(self, config: PetConfig, model: ModelFile | None, device: Any) -> None:
        self.config = config
        self.options = config.apply.classical
        self.delays: Delays | None = None
        self.scanner: Scanner | None = None if config.scanner is None else load_scanner(config.scanner)
        self.ring = Ring(self.options.sectors or (self.scanner.rsectors if self.scanner else 1))
        known = self.options.sectors is not None or self.scanner is not None
        self._sectors = RingSectors() if self.options.min_sector_difference > 0 and not known else None
        self._first = FirstSingles(config.apply.survey_singles)
        self._delays: DelaySurvey | None = None
        self._rates = RatesNote(config.window) if config.apply.offset else None
        self._check = WindowCheck(round(config.window), config.apply.survey_singles)
        self._delayed = DelayedWindows()
        self._placed = Placement()
        self._placement = PlacementSurvey(config.apply.axis, config.apply.centre) if cuts_places(self.options) else None

    @property
    def warnings(self) -> list[str]:
        """Options that have no effect, what was calibrated, whether the window is too short, and what the rates say of the randoms."""
        data = self.config.data
        said = [self.delays and self.delays.sentence(data.max_delay, self.config.window), self._check.sentence, self._rates and self._rates.sentence]
        return self.config.ignored_target + [sentence for sentence in said if sentence]

    @property
    def surveys(self) -> bool:
        """Whether something must be learnt: sectors, delays of crystals, or where the scanner stands."""
        return self._sectors is not None or self.config.apply.calibrate_delays or self._placement is not None

    def facts(self) -> dict[str, Any]:
        """Return the window, and whose it is."""
        given = self.config.apply.window is not None
        stands = {"scanner": str(self._placed)} if self._placed.radius else {}
        return {**stands, "window": f"{self.config.window:g} ps, " + ("as given" if given else "that of the configuration or of the model's training, and not "
                                                            "tuned for this engine: see --window")}

    def survey(self, examples: Columns) -> bool:
        """Learn the number of sectors and the delays of crystals; return whether further singles are wanted."""
        if self.options.min_sector_difference > 0:
            self._need_sectors(examples)
        slices = self._first.of(examples)
        if self._sectors is not None:
            self._sectors.add(slices)
            self.ring = self._sectors.ring()
        if self.config.apply.calibrate_delays:
            self._survey_delays(slices)
        if self._placement is not None:
            self._placement.add(slices)
            self._placed = self._placement.placement()
        return self._first.wanted

    def __call__(self, examples: Columns) -> Columns:
        """Return the pairs; see `coincidences.pairs.Pairs`."""
        if self.options.min_sector_difference > 0:
            examples = self._in_ring(examples)
        if self._delays is not None and self.delays is None:
            self.delays = self._delays.delays()
        if self.delays is None:
            return self._pairs(examples).columns()
        slices = with_volumes(examples) if self.options.other_volumes else examples
        return with_corrected_times(self.delays, slices, lambda found: self._pairs(found, examples)).columns()

    def _pairs(self, examples: Columns, uncorrected: Columns | None = None) -> Pairs:
        """Return the pairs of slices, whose corrected times count from the first one of the uncorrected."""
        examples = self._placed.placed(examples)
        time, n_owned = ragged(examples, "time"), np.asarray(examples["n_owned"])
        times = slice_times(examples) if self._check.wanted or self._rates else None
        if times is not None:
            self._check.add(time.offsets, n_owned, times)
        origin, segment = None, {}
        if uncorrected is not None:
            origin = ragged(uncorrected, "time").flat[time.offsets[:-1]]
            segment = {"segment": uncorrected["segment"]}
        pairs = sort_pairs(examples | segment, self.options, self.config.window, self.config.apply.offset, self.ring.sectors, origin, self._delayed)
        if self._rates and times is not None:
            self._rates.add(singles_of(examples, times), cuts_of(self.options, self.ring.sectors), int(pairs.delayed.sum()))
        return pairs

    def _survey_delays(self, slices: Columns) -> None:
        if self._delays is None:
            # Sectors may not be known yet, and their cut is left out.
            cuts = cuts_of(self.options, self.ring.sectors)._replace(min_sector_difference=0) if cuts_places(self.options) else None
            self._delays = DelaySurvey(self.scanner, self.config.reach, cuts, True, self.config.apply.axis, self.config.apply.centre)
        self._delays.add(slices)

    def _need_sectors(self, examples: Columns) -> None:
        if "rsector_id" not in examples or (ragged(examples, "rsector_id").flat < 0).any():
            raise InputError("Not all singles have a rsector, which min_sector_difference needs: name its branch with --map rsector_id=BRANCH, "
                             "name the scanner with --scanner, or, with --set apply.classical.min_sector_difference=0, cut by distance with --set apply.classical.min_transaxial_distance=MM.")

    def _in_ring(self, examples: Columns) -> Columns:
        """Return slices with the sectors of a ring, of which the cut takes those modulo their number that are copies along the axis."""
        self._need_sectors(examples)
        rsector = ragged(examples, "rsector_id")
        highest, known = int(rsector.flat.max(initial=0)), max(self.ring.known, self.ring.sectors)
        # Of a number that was given, further ones are copies along the axis.
        if highest >= known and self.options.sectors is None:
            raise InputError(f"There is a rsector {highest}, but the ring was taken to have {known}: "
                             f"say how many there are around the axis with --set apply.classical.sectors=N.")
        return examples if self.ring.copies == 1 else examples | {"rsector_id": Ragged(rsector.flat // self.ring.copies, rsector.offsets)}
