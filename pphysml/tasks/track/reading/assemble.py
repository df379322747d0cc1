"""File entries to frames, the examples of `track`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ....errors import ConfigError
from ....io.ragged import Columns, concatenate
from ..config import TrackConfig
from ..geometries.geometry import Geometry, known_geometries, load_geometry
from .beam_statement import statement_of
from .beams import Beams
from .calorimeters.layers import Layers
from .calorimeters.placing import Described
from .clusters.pixel_mask import PixelMask, load_mask
from .idle_options import refuse_idle
from .pixels import PixelFrames, pixels_of
from .readouts import ReadoutFrames
from .steps import FrameRules, StepFrames


def assemble(chunk: Columns | None, carry: Any, config: TrackConfig) -> tuple[Columns, Any]:
    """Make frames for applying: of `apply.protons_per_frame` particles with hits, or of `apply.frame_time`.

    Frames that the file has are taken as they are. Steps of one event follow one another, unless `apply.sort`
    has them sorted first. The carry holds what is not complete, and the layers
    that were learnt. Of a frame there are `file` `job` (of steps) `entry` `run` `frame` `spot_x` `spot_y`, what sensors and beam are
    (`beam_energy` `beam_spread` `beam_charge` `beam_range`, `sensor_thickness` `pitch_x` `pitch_y` `turns_at_sensors`, `dead_layers`)
    and, with truth, `n_protons`; of its hits, sorted by layer, `layer` `x` `y` `z` `edep` `dedx`
    `cluster_size` `hit_entry`, what lies in front and behind (`depth` `next_depth` `second_depth` `gap_lengths`
    `next_gap_lengths` `lengths`; NaN where the materials are not known), `time` if known, and, with truth, `proton` `particle`
    `primary` `pdg` `stop_depth`, and `second_proton` where hits are clusters of steps (units: mm, MeV, keV/um, s; see `examples.finished`).
    With a front tracker there are its hits, see `front_hits.FRONT_TYPES`, and `plane_lengths`.
    Positions are in the frame of the beam, which runs along +z there. Hits that lie in no layer are left out, and counted.
    Columns `keep:` go along with frames of a file.

    Raises:
        InputError: input that cannot be used; names file, entry and branch.
        ConfigError: a geometry that is not there, --keep for a file of steps, or an option that such an input has no use for.
    """
    options = config.apply
    geometry = options.geometry or config.data.geometry
    sizes = [options.protons_per_frame]
    return _assemble(chunk, carry, config, geometry, sizes, options.frame_time, options.last_frame == "keep", applying=True)


def assemble_training(chunk: Columns | None, carry: Any, config: TrackConfig) -> tuple[Columns, Any]:
    """Make frames for training, as `assemble` does, of a number of particles drawn for every frame.

    The number, of `data.protons_per_frame`, follows from the frame's first file, run and event. The last
    frame of a beam spot is kept.

    Raises:
        InputError, ConfigError: as `assemble`.
    """
    return _assemble(chunk, carry, config, config.data.geometry, config.data.protons_per_frame, None, True, applying=False)


def frames_of(rows: Columns, geometry: Geometry, config: TrackConfig, protons_per_frame: int | Sequence[int]) -> Columns:
    """Return the frames of steps in memory, with the columns of `assemble`; the last one may be smaller.

    Args:
        rows: columns of the layout `gate-hits`, with `event`; `phantom` (mm) if frames are to have it.
        protons_per_frame: particles with hits, or several numbers of which one is drawn for every frame.

    Raises:
        InputError: many steps lie in none of the geometry's layers.
    """
    sizes = [protons_per_frame] if isinstance(protons_per_frame, int) else protons_per_frame
    beams = Beams(described=geometry.beam)
    maker = StepFrames(FrameRules(Described(geometry, simulated=True), beams, sizes, min_cluster_size=config.data.min_cluster_size, clusters=config.data.hits == "clusters"))
    return concatenate([frames for frames in (maker.add(rows), maker.add(None)) if frames])


def _assemble(chunk: Columns | None, carry: Any, config: TrackConfig, geometry: str | None, sizes: Sequence[int],
              frame_time: float | None, keep_last: bool, applying: bool) -> tuple[Columns, Any]:
    if carry is None:
        if chunk is None:
            return {}, None
        known = None if geometry is None else load_geometry(geometry)
        # The beam of a packaged geometry serves the simulation; nobody has said that it is that of the input.
        beam = None if known is None or geometry in known_geometries() else known.beam
        beams = Beams(statement_of(config.apply), beam)
        described = Described(known, config.apply.beam_axis)
        smallest = config.data.min_cluster_size
        refuse_idle(chunk, config.apply, applying)
        if "column" in chunk:
            carry = _pixel_frames(known, beams, config)
            return carry.add(chunk), carry
        carry = (ReadoutFrames(described, beams, smallest) if "hit_x" in chunk
                 else StepFrames(FrameRules(described, beams, sizes, frame_time, keep_last, smallest, config.data.hits == "clusters", config.apply.sort == "full")))
    examples = carry.add(chunk)
    return examples, None if carry.done else carry


def _pixel_frames(geometry: Geometry | None, beams: Beams, config: TrackConfig) -> PixelFrames:
    if geometry is None:
        raise ConfigError("Pixels have no positions without the calorimeter: give it with --geometry.")
    layers = Layers.of(geometry)
    mask = PixelMask() if config.apply.pixel_mask is None else load_mask(config.apply.pixel_mask, pixels_of(layers))
    return PixelFrames(layers, beams, config.data.min_cluster_size, mask, config.apply.sort == "full")
