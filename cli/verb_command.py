"""What every command has in common: an option that means one thing is given once."""

from __future__ import annotations

from collections import Counter

import click


class VerbCommand(click.Command):
    """A command that refuses an option given twice, under any of its names, unless it takes several values.

    A flag that is given twice means the same as once.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Count the options before the last of each takes the place of the others."""
        if not ctx.resilient_parsing:
            self._refuse_repeated(ctx, args)
        return super().parse_args(ctx, args)

    def _refuse_repeated(self, ctx: click.Context, args: list[str]) -> None:
        *_, order = self.make_parser(ctx).parse_args(args=list(args))
        for parameter, times in Counter(order).items():
            if isinstance(parameter, click.Option) and times > 1 and not (parameter.multiple or parameter.is_flag or parameter.count):
                raise click.UsageError(f"{' or '.join(parameter.opts)} is given {times} times, but means one thing; give it once.", ctx)
