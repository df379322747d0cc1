"""What is read: files, and how they are to be taken."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import InputError
from ..io.layout_choice import among
from ..io.reader import Reader
from ..io.sources import Source, resolve
from ..task import Task
from ..training.config import TaskConfig


@dataclass(frozen=True)
class Inputs:
    """Files to be read, as a user names them.

    Attributes:
        files: see `io.sources.resolve`.
        tree: to be read of files that name none; None for the one that fits.
        layout: name of the layout to take; None for the first that fits.
        mapping: name -> "branch" or "branch:unit"; wins over that of a configuration.
        keep: branches carried over to the output.
        max_entries: of all files together.
        on_bad_file: "fail", or "skip".
    """

    files: Sequence[str] = ()
    tree: str | None = None
    layout: str | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    keep: Sequence[str] = ()
    max_entries: int | None = None
    on_bad_file: str = "fail"

    def __post_init__(self) -> None:
        # A text is a sequence of texts, too.
        if isinstance(self.files, str):
            raise TypeError("files must be a sequence of names")

    def sources(self) -> list[Source]:
        """Return the files, with the trees named for them.

        Raises:
            InputError, ConfigError: see `io.sources.resolve`.
        """
        return resolve(self.files, self.tree)

    def mapped(self, config: TaskConfig) -> dict[str, str]:
        """Return the whole mapping, with that of a configuration."""
        return {**config.data.map, **self.mapping}

    def open(self, task: Task[Any], config: TaskConfig, need_truth: bool = False, usual: Collection[str] = (),
             judging: bool = False, usual_layout: str | None = None) -> Reader:
        """Open them with the branches that an engine's configuration asks for.

        Args:
            usual: names whose mapping is that of a model; see `io.reader.Reader`.
            usual_layout: name of the layout that goes first where several fit, as that of a model's training.
            judging: whether trees are taken too that can only be evaluated.

        Raises:
            InputError, ConfigError: see `io.reader.Reader`.
        """
        layouts = sorted(task.layouts_for(config), key=lambda layout: layout.name != usual_layout)
        reader = Reader(self.sources(), layouts, layout=self.layout, mapping=self.mapped(config),
                        usual=set(usual) - set(self.mapping), extra=config.extra_branches(), keep=self.keep,
                        block_size=config.entries_at_a_time, max_entries=self.max_entries, on_bad_file=self.on_bad_file,
                        need_truth=need_truth)
        return reader if judging else _as_input(reader)

    def open_for_training(self, task: Task[Any], config: TaskConfig) -> Reader:
        """Open them with truth, and with the branches that training needs, event weights among them.

        Raises:
            InputError, ConfigError: see `io.reader.Reader`.
        """
        layouts, mapping = task.layouts_for(config), self.mapped(config)
        if config.data.weight_branch is not None:
            mapping |= {f.name: config.data.weight_branch
                        for layout in among(layouts, self.layout) for f in layout.fields if f.weight}
        return _as_input(Reader(self.sources(), layouts, layout=self.layout, mapping=mapping, extra=config.extra_branches(training=True),
                                block_size=config.entries_at_a_time, max_entries=self.max_entries, on_bad_file=self.on_bad_file,
                                need_truth=True, any_order=True))


def _as_input(reader: Reader) -> Reader:
    """Refuse trees that can only be evaluated."""
    if reader.layout.judged:
        first = reader.sources[0]
        raise InputError(reader.layout.judged, file=first.path, tree=first.tree)
    return reader
