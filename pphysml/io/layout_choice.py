"""Which layout a file has, and which of its trees is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import ConfigError, InputError, did_you_mean
from .root_files import Tree, tree_names
from .schema import Layout
from .sources import Source


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


def choose(file: Any, source: Source, layouts: Sequence[Layout], mapping: Mapping[str, str]) -> tuple[Layout, str]:
    """Return the layout that fits and its tree: the one asked for, a preferred one, the only one.

    Of several layouts that fit, the first with a tree that it prefers is taken, else the first. Where
    nothing fits, the layout and tree are returned that miss the smallest share of their branches.

    Args:
        file: open, see `root_files.open_file`.
        mapping: column -> branch, as the user has named them.

    Raises:
        InputError: there is no tree, not the one asked for, or several fit and none is preferred.
    """
    names = [source.tree] if source.tree else list(tree_names(file))
    trees = {name: Tree.of(file, source.path, name).branches() for name in names}
    if not trees:
        raise InputError("there is no tree in it", file=source.path)
    fitting = {layout.name: [name for name in names if not layout.lacking(trees[name], mapping)] for layout in layouts}
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

    def share_lacking(layout: Layout, name: str) -> tuple[float, bool]:
        share = len(layout.lacking(trees[name], mapping)) / max(1, sum(f.required for f in layout.fields))
        return share, name not in layout.trees

    return min(((layout, name) for layout in layouts for name in names), key=lambda pair: share_lacking(*pair))
