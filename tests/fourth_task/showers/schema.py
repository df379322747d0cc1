"""Layouts that `showers` reads; a file may fit both."""

from __future__ import annotations

from pphysml.io.schema import Field, Layout

EVENT = (
    Field("spill", "event", "int64", "Number of the spill.", carried=True),
    Field("trigger", "event", "int32", "Number of the trigger in its spill.", carried=True, aliases=("trig",)),
    Field("importance", "event", "float64", "Weight of the event.", weight=True),
)


def _shower(name: str, dtype: str, help: str, **others: object) -> Field:
    return Field(name, "particle", dtype, help, counter="n_showers", **others)  # type: ignore[arg-type]


REST = (
    _shower("width", "float32", "Lateral width.", unit="mm", required=True),
    _shower("kind", "int32", "Number of the particle among data.classes.", truth=True, minimum=0),
)

CALIBRATED = Layout(
    name="calibrated", help="Energies as calibrated.", trees=("showers",), to_canonical="showers.reading.canonical:calibrated",
    fields=(*EVENT, _shower("energy_calibrated", "float64", "Energy.", unit="GeV", required=True), *REST),
)
RAW = Layout(
    name="raw", help="Energies as measured.", trees=("showers",),
    fields=(*EVENT, _shower("energy", "float64", "Energy.", unit="GeV", required=True), *REST),
)
LAYOUTS = (CALIBRATED, RAW)


def output_fields(classes: list[str]) -> tuple[Field, ...]:
    """Return the fields of the output, one for each class."""
    return (
        *EVENT[:2], _shower("energy", "float64", "Energy.", unit="GeV"),
        *(_shower(f"score_{name}", "float32", f"Probability of {name}.") for name in classes),
    )
