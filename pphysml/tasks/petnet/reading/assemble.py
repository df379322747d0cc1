"""File entries to slices of time, the examples of `petnet`."""

from __future__ import annotations

from typing import Any

from ....errors import FileName
from ....io.carry import Carry
from ....io.ragged import Columns
from ..config import PetConfig
from ..scanner.scanner import load_scanner
from .checks import check_energies, with_fine_times
from .dead_time import DeadTime
from .energy_cut import EnergyCut, Window
from .energy_cut import within as within
from .energy_unit import EnergyUnit
from .external_order import ExternalOrder
from .file_times import times_told
from .given_pairs import GivenPairs, is_given
from .missing_ids import MissingIds
from .parts import Parts
from .placement import stated
from .segments import segments_of, told, turns_told
from .singles_of_hits import SinglesOfHits
from .slices import SliceRules, Slices
from .texts import one_value_each
from .time_grid import TimeGrid
from .time_order import BufferedOrder
from .volume_ids import VolumeIds


class SliceMaker(Carry):
    """Singles or hits in blocks of a file to slices in the order of time; see `assemble`.

    Args:
        least: singles of a slice.
        scanner: known name or path; None for none.
        window, offset: ps.
        reach: slices are cut at gaps of more than twice this, ps.
    """

    def __init__(self, config: PetConfig, least: int, scanner: str | None, energy_window: Window, window: float, reach: float, offset: float) -> None:
        self.window = window
        options = config.apply
        known = None if scanner is None else load_scanner(scanner)
        self.volumes = VolumeIds([f"{level}_id" for level in options.volume_levels], known is not None)
        self.unit = EnergyUnit()
        self.rule = options.files
        self.parts = Parts(inside=options.files != "successive")
        self.grid = TimeGrid(window)
        self.ids = MissingIds(known, stated(options.axis, options.centre))
        self.hits = SinglesOfHits(options.digitizer, known)
        self.dead_time = DeadTime(options.digitizer)
        self.energies = EnergyCut(energy_window)
        known_parts = self.parts.parts
        self.order = ExternalOrder(self.rule, known_parts) if options.sort == "full" else BufferedOrder(self.rule, known_parts, options.sort_buffer)
        self.slices = Slices(SliceRules(reach, offset, least))

    def add(self, chunk: Columns | None) -> Columns:
        """Return the slices that are complete; None ends the input."""
        singles = [self.hits.add(rows) for rows in (self._placed(chunk), *([None] if chunk is None else []))]
        ordered = [part for rows in singles if rows for part in self.order.add(self._checked(rows))]
        if chunk is None:
            ordered += self.order.add(None)
        if self._dead_after:
            ordered = [self.energies.add(self.dead_time.add(part)) for part in ordered]
        return self.slices.add(ordered, end=self.done)

    @property
    def done(self) -> bool:
        """Whether nothing is to come any more."""
        return self.order.done

    def warnings(self, named: FileName) -> list[str]:
        """Return what the user should know of the input, sentences without full stops."""
        parts, rule = self.parts.parts, self.rule
        segments = segments_of(parts, rule, whole=isinstance(self.order, ExternalOrder))
        taken = [*told(parts, segments, rule, named), *turns_told(self.parts.turns, named), *times_told(parts, segments, rule, named)]
        read = [*self.unit.warnings(named), *self.hits.warnings, *self.volumes.warnings, *self.ids.warnings(named)]
        return [*taken, *read, *self.energies.warnings(named), *self.grid.warnings]

    @property
    def _dead_after(self) -> bool:
        """Whether singles of any energy are wanted in the order of time."""
        return self.hits.found and self.dead_time.config.dead_time > 0

    def _placed(self, chunk: Columns | None) -> Columns:
        """Return rows with their part and all ids that can be known; None at the end."""
        rows = chunk and self.unit.add(self.volumes.add(with_fine_times(chunk, self.window)))
        return self.ids.add(self.parts.add(rows and one_value_each(rows)))

    def _checked(self, singles: Columns) -> Columns:
        check_energies(singles)
        self.grid.add(singles)
        return singles if self._dead_after else self.energies.add(singles)


def assemble(chunk: Columns | None, carry: Any, config: PetConfig) -> tuple[Columns, Any]:
    """Make slices of singles for applying.

    One example is a slice of time, cut at gaps of more than twice the window and `data.max_delay`, and of
    more than the window of judging, of `apply.slice_singles` singles at least that lie in the energy window. It has `file` `entry` of its
    first single, `slice` `segment` `n_owned`, and, for each of its singles in the order of time, `single_file` `single_entry`
    and the columns of singles in the layout. Hits become singles first; see `reading.digitizer`. Only the first `n_owned` singles are its own: those behind are lent
    to it for the delayed window.

    Raises:
        InputError: input that cannot be used; names file, entry and branch.
    """
    options = config.apply
    return _assemble(chunk, carry, lambda: SliceMaker(
        config, options.slice_singles, config.scanner, config.energy_window, config.window, max(config.reach, config.judging_window / 2), options.offset))


def assemble_training(chunk: Columns | None, carry: Any, config: PetConfig) -> tuple[Columns, Any]:
    """Make slices for training, as `assemble` does, of `data.slice_singles` and without a delayed window."""
    options = config.data
    return _assemble(chunk, carry, lambda: SliceMaker(
        config, options.slice_singles, options.scanner, options.energy_window, options.window, options.window + options.max_delay, 0.0))


def _assemble(chunk: Columns | None, carry: Any, make: Any) -> tuple[Columns, Any]:
    if carry is None:
        if chunk is None:
            return {}, None
        carry = GivenPairs() if is_given(chunk) else make()
    examples = carry.add(chunk)
    return examples, None if carry.done else carry
