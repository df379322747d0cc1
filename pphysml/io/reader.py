"""Read input files block by block as canonical columns."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass

from ..errors import ConfigError, InputError
from .differences import differences, other_types, sentences, settle, settle_widths
from .files import open_file
from .input_file import examine, kinds, load, numbered
from .layout_choice import among
from .opening import Opening, Request
from .problems import Places, Problem, ProblemError, of_first_file
from .ragged import Columns
from .schema import Layout
from .sources import Source, real_place
from .trees import InputFile, Tree
from .units import read_mapping

OPEN_FILES = 8
"""Files kept open at a time: shuffled reading returns to the last few, clusters limit the number."""


MOST_BYTES = 2**28
"""Of a block as it is read: entries with thousands of candidates come fewer at a time."""


@dataclass(frozen=True)
class Block:
    """Entries start:stop of one file."""

    file_index: int
    start: int
    stop: int


class Reader:
    """Input files as blocks of canonical columns, in the order of the files and their entries.

    Every file is opened and its branches are checked at construction; values are checked when
    read. Iterating reads one block ahead in a thread.

    Args:
        sources: see `sources.resolve`.
        layouts: file layouts accepted; the first that fits the first readable file serves for all.
        layout: name of the one to take, whichever others fit; None leaves the choice.
        mapping: name -> "branch" or "branch:unit"; values are converted to the field's unit.
        usual: names of the mapping of which it holds only in files that have that branch, as it is with what a model
            was trained on; in others they have their own branches.
        block_size: most entries per block, fewer where they are large; blocks end at the end of a file.
        extra: further branches of float32 by branch name or mapped name, one value per leaf; or a mapping of
            the names to "particle" or "pair".
        keep: branches carried over unchanged as columns `keep:BRANCH`.
        max_entries: read no more than this many entries, over all files.
        on_bad_file: "fail", or "skip" to leave out files (or the rest of a file) with problems.
        need_truth: refuse files without truth.
        any_order: whether blocks are read in another order, so that a file cannot end at its first problem: with "skip"
            all that is wanted is read once before, and a file with a problem in it is left out as a whole.

    Attributes:
        layout: the layout found.
        sources: the files, with the tree chosen; column `file` counts in this list.
        blocks: what `read` accepts.
        n_entries: sum over the blocks.
        skipped: (path, reason) of the files left out; data errors are added while iterating.
        warnings: what the user should know of the files, sentences without full stops.

    Raises:
        InputError: a file or its data cannot be used; names file, tree, branch and entry.
        ConfigError: a mapping that fits no layout.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        layouts: Sequence[Layout],
        *,
        layout: str | None = None,
        mapping: Mapping[str, str] | None = None,
        usual: Collection[str] = (),
        block_size: int = 20_000,
        extra: Iterable[str] = (),
        keep: Sequence[str] = (),
        max_entries: int | None = None,
        on_bad_file: str = "fail",
        need_truth: bool = False,
        any_order: bool = False,
    ) -> None:
        if on_bad_file not in ("fail", "skip"):
            raise ConfigError(f"on_bad_file must be 'fail' or 'skip', not {on_bad_file!r}.")
        if block_size < 1:
            raise ConfigError(f"A block must hold at least one entry, not {block_size}.")
        layouts, further = among(layouts, layout), kinds(extra)
        self._request = Request(layouts, read_mapping(mapping or {}, layouts, list(further), usual), further, tuple(keep), need_truth)
        self._skip_bad = on_bad_file == "skip"
        self._lock = threading.Lock()
        self._open: OrderedDict[int, tuple[InputFile, Tree]] = OrderedDict()
        self.sources = list(sources)
        self.skipped: list[tuple[str, str]] = []
        self.warnings: list[str] = []
        self._openings: dict[int, Opening] = {}
        self._examine_all()
        self.layout = next(iter(self._openings.values())).layout
        if any_order and self._skip_bad:
            self._leave_out_damaged(block_size, max_entries)
        self.warnings += _twice(self.sources[index] for index in self._openings)
        self._settle_differences()
        self.blocks = self._cut(block_size, max_entries)
        self.n_entries = sum(block.stop - block.start for block in self.blocks)

    def read(self, block: Block) -> Columns:
        """Return the columns of one block, with `file` (int32) and `entry` (int64).

        Raises:
            InputError: damaged or unphysical data, also with on_bad_file="skip".
        """
        with self._lock:
            opening = self._openings[block.file_index]
            tree = self._tree(block.file_index)
            columns, problems = load(tree, opening, block.start, block.stop)
        if problems:
            raise ProblemError(problems)
        columns = numbered(columns, block.file_index, block.start, block.stop)
        with self.naming_places(), of_first_file(columns):
            return self.layout.canonical(columns)

    @property
    def has_truth(self) -> bool:
        """Whether any file has truth that counts by itself, whole or not."""
        truth = {*self.layout.truth, *self._request.further_truth}
        return any(truth & {*opening.branches, *opening.filled} for opening in self._openings.values())

    @property
    def left_out(self) -> list[str]:
        """Branches that users may miss in an output, and that are not kept; see `schema.Layout.left_out`."""
        return list(dict.fromkeys(branch for opening in self._openings.values() for branch in opening.left_out))

    def first(self, most: int) -> Columns:
        """Return the first entries of the first file, as many as a block has and no more than `most`; none if they cannot be read.

        What is wrong with them is said when they are read as a block.
        """
        if not self.blocks:
            return {}
        block = self.blocks[0]
        try:
            return self.read(Block(block.file_index, block.start, min(block.stop, block.start + most)))
        except InputError:
            return {}

    def __iter__(self) -> Iterator[Columns]:
        dropped: set[int] = set()
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="read-ahead") as pool:
            ahead: Future[Columns] | None = pool.submit(self.read, self.blocks[0]) if self.blocks else None
            for number, block in enumerate(self.blocks):
                current = ahead
                following = self.blocks[number + 1 : number + 2]
                # Submitted before the current block is handed out: it is read while that is used.
                ahead = pool.submit(self.read, following[0]) if following else None
                columns = self._result(current, block, dropped)
                if columns is not None:
                    yield columns

    @property
    def usual(self) -> dict[str, str]:
        """Name -> branch of what has, in any file, the branch that is usual only."""
        mapping = self._request.mapping
        return {name: mapping.branches[name] for name in sorted(mapping.usual)
                if any(opening.branches.get(name) == mapping.branches[name] for opening in self._openings.values())}

    def naming_places(self) -> AbstractContextManager[None]:
        """Name files and branches in what a task refuses of the columns; see `problems.Places`."""
        return self._places.completing()

    def path(self, number: int) -> str:
        """Return the path of an input file, by what is in the column `file`."""
        return self.sources[number].path

    @property
    def _places(self) -> Places:
        return Places(self.sources, {index: opening.branches for index, opening in self._openings.items()})

    def close(self) -> None:
        """Close the files that are open; reading opens them again."""
        with self._lock:
            while self._open:
                self._open.popitem()[1][0].close()

    def _result(self, future: Future[Columns] | None, block: Block, dropped: set[int]) -> Columns | None:
        """Return what the thread has read, or None for a file that is left out from here on."""
        if future is None or block.file_index in dropped:
            return None
        try:
            return future.result()
        except InputError as error:
            if not self._skip_bad:
                raise
            dropped.add(block.file_index)
            reason = f"{error} Entries from {block.start} on are left out."
            self.skipped.append((self.sources[block.file_index].path, reason))
            return None

    def _examine_all(self) -> None:
        for index, source in enumerate(self.sources):
            try:
                opening = self._examine(source)
            except InputError as error:
                if not self._skip_bad:
                    raise
                self.skipped.append((source.path, str(error)))
                continue
            self.sources[index] = opening.source
            self._openings[index] = opening
        self._refuse_none()

    def _leave_out_damaged(self, block_size: int, max_entries: int | None) -> None:
        """Read what will be read; the entries of a file that is left out are those of the next ones then."""
        left = max_entries
        for index, opening in list(self._openings.items()):
            entries = opening.n_entries if left is None else min(opening.n_entries, left)
            try:
                for start in range(0, entries, block_size):
                    self.read(Block(index, start, min(start + block_size, entries)))
            except InputError as error:
                self.skipped.append((self.path(index), f"{error} The whole file is left out."))
                del self._openings[index]
                continue
            left = None if left is None else left - entries
        self._refuse_none()

    def _refuse_none(self) -> None:
        if not self._openings:
            reason = f" The first: {self.skipped[0][1]}" if self.skipped else ""
            raise InputError(f"None of the {len(self.sources)} input files can be used.{reason}")

    def _examine(self, source: Source) -> Opening:
        request = self._request
        if self._openings:
            first = next(iter(self._openings.values()))
            request = Request([first.layout], request.mapping, request.extra, request.keep, request.need_truth)
        opening = examine(source, request)
        if self._openings:
            opening.problems += other_types(first, opening)
        errors = [problem for problem in opening.problems if problem.severity == "error"]
        if errors:
            raise ProblemError(errors)
        self.warnings += [problem.sentence().removesuffix(".") for problem in opening.problems]
        return opening

    def _settle_differences(self) -> None:
        """Give all blocks the same columns, and say so."""
        openings = list(self._openings.values())
        settle_widths(openings)
        found = differences(openings, self._request.need_truth)
        settle(openings, found)
        truth = self.layout.truth
        if self._request.need_truth and not self._request.further_truth and not set(openings[0].branches) & set(truth):
            lacking = {d.lacking[0]: d.name for d in found if d.name in truth}
            listed = " and ".join(f"{name} not in {path}" for path, name in lacking.items())
            message = f"no truth ({', '.join(truth)}) is in all input files ({listed}); give only files with the same one"
            raise ProblemError([Problem(openings[0].source.path, None, None, None, message)])
        self.warnings += sentences(found)

    def _cut(self, block_size: int, max_entries: int | None) -> list[Block]:
        blocks: list[Block] = []
        left = max_entries
        for index, opening in self._openings.items():
            entries = opening.n_entries if left is None else min(opening.n_entries, left)
            left = None if left is None else left - entries
            size = min(block_size, max(1, MOST_BYTES * opening.n_entries // max(1, opening.n_bytes)))
            blocks += [Block(index, start, min(start + size, entries)) for start in range(0, entries, size)]
        return blocks

    def _tree(self, index: int) -> Tree:
        """Return the tree of a file, opened if it is not; the one unused for longest is closed."""
        if index not in self._open:
            while len(self._open) >= OPEN_FILES:
                self._open.popitem(last=False)[1][0].close()
            source = self.sources[index]
            file = open_file(source.path)
            self._open[index] = (file, file.tree(source.tree or "", self._openings[index].content))
        for other, (_, tree) in self._open.items():
            if other != index:
                tree.forget()
        self._open.move_to_end(index)
        return self._open[index][1]


def _twice(sources: Iterable[Source]) -> list[str]:
    """Return a sentence on each tree of a file that is read more than once."""
    trees = Counter(map(real_place, sources))
    return [f"{path}, tree {tree!r}, is among the inputs {times} times, and so are its entries"
            for (path, tree), times in trees.items() if times > 1]
