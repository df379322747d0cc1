"""The trees of files that this program has written, compared with what was written into them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .content import AGAIN, Content, lost_branches
from .metadata import all_metadata, content_of, written_trees
from .problems import Problem, ProblemError
from .trees import InputFile


def compared(file: InputFile) -> tuple[dict[str, Content], list[Problem]]:
    """Return what was written into each tree of an open file of ours, and what of that is not there; nothing for other files.

    Raises:
        InputError: the metadata are damaged or lost.
    """
    path, contents = file.path, dict[str, Content]()
    problems: list[Problem] = []
    present = file.tree_names()
    for name, writings in written_trees(all_metadata(file), path).items():
        if name not in present:
            problems.append(Problem(path, name, None, None, f"the tree that was written is not there; {AGAIN}"))
            continue
        tree = file.tree(name)
        content, error, warning = content_of(writings, tree.entries)
        contents[name] = content
        wrong = [*([error] if error else []), *lost_branches(content, tree.branches())]
        problems += [Problem(path, name, None, None, text) for text in wrong]
        problems += [Problem(path, name, None, None, warning, "warning")] if warning else []
    return contents, problems


def wrong_types(file: InputFile, contents: Mapping[str, Content]) -> Iterator[Problem]:
    """Yield the branches of our own trees whose types are not those that were written, without reading an entry."""
    for name, content in contents.items():
        tree = file.tree(name, content)
        for branch in sorted(content.branches & set(tree.branches())):
            try:
                tree.read(branch, 0, 0, tree.holds_texts(branch))
            except ProblemError as error:
                yield error.problems[0]
