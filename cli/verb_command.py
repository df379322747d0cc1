"""What every command has in common: an option that means one thing is given once."""

from __future__ import annotations

from collections import Counter
from typing import Any

import click


class OptionalValue(click.Option):
    """An option that may stand alone, as `--sort` for `--sort full`.

    Args:
        alone: what it means then.
        values: words behind it that are its value; any other word is none.
    """

    def __init__(self, *args: Any, alone: str, values: tuple[str, ...], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.alone = alone
        self.values = values


class VerbCommand(click.Command):
    """A command that refuses an option given twice, under any of its names, unless it takes several values.

    A flag that is given twice means the same as once.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Count the options before the last of each takes the place of the others."""
        args = self._completed(ctx, args)
        if not ctx.resilient_parsing:
            self._refuse_repeated(ctx, args)
        return super().parse_args(ctx, args)

    def _completed(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Return the arguments with the values of options that stand alone."""
        optional = {name: option for option in self.get_params(ctx) if isinstance(option, OptionalValue) for name in option.opts}
        following = [*args[1:], ""]
        return [f"{word}={optional[word].alone}" if word in optional and behind not in optional[word].values else word
                for word, behind in zip(args, following, strict=False)]

    def _refuse_repeated(self, ctx: click.Context, args: list[str]) -> None:
        *_, order = self.make_parser(ctx).parse_args(args=list(args))
        for parameter, times in Counter(order).items():
            if isinstance(parameter, click.Option) and times > 1 and not (parameter.multiple or parameter.is_flag or parameter.count):
                raise click.UsageError(f"{' or '.join(parameter.opts)} is given {times} times, but means one thing; give it once.", ctx)
