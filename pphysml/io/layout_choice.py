"""Which layout a file has, and which of its trees is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..errors import ConfigError, InputError, did_you_mean
from .ragged import Ragged
from .schema import FileKind, Layout
from .sources import Source
from .trees import InputFile, Tree
from .units import BranchMap


def among(layouts: Sequence[Layout], name: str | None) -> Sequence[Layout]:
    """Return the layouts that may be taken: all, or the one that was asked for.

    Raises:
        ConfigError: there is none of that name.
    """
    if name is None:
        return layouts
    found = [layout for layout in layouts if layout.name == name]
    if not found:
        raise ConfigError(f"--layout {name}: there is no layout of that name."
                          f"{did_you_mean(name, [layout.name for layout in layouts])}")
    return found


def choose(file: InputFile, source: Source, layouts: Sequence[Layout], mapping: BranchMap) -> tuple[Layout, str]:
    """Return the layout that fits and its tree: the one asked for, a preferred one, the only one.

    Of several layouts that fit, the first with a tree that it prefers is taken, else the first; one with lists where the
    file has single values, or the other way round, only if none agrees. Where nothing fits, the layout and tree are returned that miss the smallest share of their branches.

    Args:
        file: open, see `files.open_file`.
        mapping: as the user, or a model, has named them.

    Raises:
        InputError: the file is not of the kind of any layout, there is no tree, not the one asked for, or several fit and none is preferred.
    """
    layouts = _of_the_kind(file, layouts)
    trees, refused = readable_trees(file, source)
    layout, name = _agreeing(file, source, trees, layouts, mapping)
    # A tree that cannot be read is no matter where another one is what is wanted.
    lacking = layout.lacking(trees[name], mapping.of(trees[name]).branches)
    if refused and (lacking or any(set(refused) & set(other.trees) for other in layouts)):
        raise next(iter(refused.values()))
    return layout, name


def _agreeing(file: InputFile, source: Source, trees: Mapping[str, list[str]], layouts: Sequence[Layout], mapping: BranchMap) -> tuple[Layout, str]:
    """Return layout and tree, see `choose`, by names, and where several layouts fit by whether entries hold one value or many."""
    first = chosen = best(trees, source, layouts, mapping)
    left = list(layouts)
    while len(left) > 1:
        layout, name = chosen
        known = mapping.of(trees[name]).branches
        if layout.lacking(trees[name], known):
            break
        if _agrees(file.tree(name), layout, layout.branches(trees[name], known)):
            return chosen
        left.remove(layout)
        try:
            chosen = best(trees, source, left, mapping)
        except InputError:
            break
    layout, name = chosen
    known = mapping.of(trees[name]).branches
    fits = not layout.lacking(trees[name], known) and _agrees(file.tree(name), layout, layout.branches(trees[name], known))
    return chosen if fits else first


def _agrees(tree: Tree, layout: Layout, branches: Mapping[str, str]) -> bool:
    """Return whether the branches of required fields hold lists where the layout has lists, and single values where it has these."""
    for field in layout.fields:
        if field.required and field.name in branches and field.kind != "any":
            try:
                column = tree.read(branches[field.name], 0, 0, field.text)
            except InputError:
                continue  # it is said where it is examined
            if not field.text and field.ragged != (isinstance(column, Ragged) or column.ndim > 1):
                return False
    return True


def of_kind(layouts: Sequence[Layout], kind: FileKind) -> list[Layout]:
    """Return the layouts that files of a kind may have."""
    return [layout for layout in layouts if layout.file_kind == kind]


def _of_the_kind(file: InputFile, layouts: Sequence[Layout]) -> list[Layout]:
    found = of_kind(layouts, file.kind)
    if found:
        return found
    listed = ", ".join(layout.name for layout in layouts)
    raise InputError(f"is of the kind {file.kind}, but files of the kind {layouts[0].file_kind} are wanted here (layouts: {listed})", file=file.path)


def not_read(file: InputFile, source: Source, layout: Layout, chosen: str, mapping: BranchMap) -> list[str]:
    """Return the other trees that a layout prefers and that fit, of a file of which no tree was named."""
    if source.tree is not None:
        return []
    present = set(file.tree_names()) & set(layout.trees) - {chosen}
    trees, _ = readable_trees(file, source) if present else ({}, {})
    return [name for name in layout.trees if name in present & set(trees) and not layout.lacking(trees[name], mapping.of(trees[name]).branches)]


def readable_trees(file: InputFile, source: Source) -> tuple[dict[str, list[str]], dict[str, InputError]]:
    """Return the branches of the trees that may be read, by name, and why the others cannot be.

    Raises:
        InputError: there is none that can.
    """
    trees: dict[str, list[str]] = {}
    refused: dict[str, InputError] = {}
    for name in [source.tree] if source.tree else file.tree_names():
        try:
            trees[name] = file.tree(name).branches()
        except InputError as error:
            refused[name] = error
    if refused and not trees:
        raise next(iter(refused.values()))
    if not trees:
        held = ", ".join(sorted(set(file.class_names().values()))) or "nothing"
        raise InputError(f"there is no tree in it, but {held}; give a file with {file.wanted}", file=source.path)
    return trees, refused


def best(
    trees: Mapping[str, list[str]], source: Source, layouts: Sequence[Layout], mapping: BranchMap
) -> tuple[Layout, str]:
    """Return layout and tree, see `choose`, by the names of the branches of each tree.

    Raises:
        InputError: there is no tree, or several fit and none is preferred.
    """
    names = list(trees)
    if not names:
        raise InputError("there is no tree in it", file=source.path)
    branches = {name: mapping.of(available).branches for name, available in trees.items()}
    fitting = {layout.name: [name for name in names if not layout.lacking(trees[name], branches[name])] for layout in layouts}
    # The same branches may mean something else in a tree that another layout prefers.
    for layout in layouts:
        preferred = [name for name in layout.trees if name in fitting[layout.name]]
        if preferred:
            return layout, preferred[0]
    for layout in layouts:
        if len(fitting[layout.name]) == 1:
            return layout, fitting[layout.name][0]
        if fitting[layout.name]:
            listed = " and ".join(map(repr, fitting[layout.name]))
            one = f"{source.path}:{fitting[layout.name][0]}"
            raise InputError(f"the trees {listed} all fit; name one as {one} or with --tree", file=source.path)

    def share_lacking(layout: Layout, name: str) -> tuple[float, bool, bool]:
        share = len(layout.lacking(trees[name], branches[name])) / max(1, len(layout.required))
        # Of trees that lack equally much, the one of which it is known what it is says most.
        return share, name not in layout.trees, layout.lookalike(trees[name], branches[name]) is None

    return min(((layout, name) for layout in layouts for name in names), key=lambda pair: share_lacking(*pair))
