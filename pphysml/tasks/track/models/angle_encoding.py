r"""The published encoding of the angle between two links, and linear functions of it without it.

An angle :math:`\theta` is encoded as :math:`(\sin w_k s, \cos w_k s)`, :math:`s=\sqrt\theta`, for 64
frequencies from 1 to 898. These 128 numbers of each of a million pairs of links are not kept: a linear
function of them is a smooth function of :math:`s`, tabulated with its first three derivatives. Between
the points of the table its error is below :math:`(w h/2)^4/24 = 4\cdot10^{-7}` of a term's amplitude,
for the step :math:`h` of the table and the highest frequency; float32 phases are not better.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

WIDTH = 128
SCALING = 0.001
STEP = 2.0**-13
ORDER = 4
"""Terms of the Taylor series."""


def frequencies() -> Tensor:
    """Return the frequencies w_k, float32 (64,)."""
    return torch.exp(torch.arange(0, WIDTH, 2) * (-math.log(SCALING) / WIDTH))


def encode(theta: Tensor) -> Tensor:
    """Return the encoding of angles as it is, (T, 128), for a reference."""
    phase = theta.sqrt()[:, None] * frequencies().to(theta)
    return torch.stack([phase.sin(), phase.cos()], 2).flatten(1)


def tabulate(weight: Tensor, theta: Tensor) -> Tensor:
    """Return the Taylor coefficients of a linear function of the encoding.

    Args:
        weight: of the linear function, (outputs, 128); columns are sine, cosine, sine, ...
        theta: angles that will be looked up, rad.

    Returns:
        (points, 4 * outputs), by which `look_up` finds the function's values.
    """
    n = 2 + int(theta.max().sqrt() / STEP)
    sine, cosine = _grid(weight.device)
    w = (frequencies() * STEP).to(weight)
    a, b = weight[:, 0::2], weight[:, 1::2]
    of_sine = torch.cat([a, -w * b, -(w**2) * a / 2, w**3 * b / 6])
    of_cosine = torch.cat([b, w * a, -(w**2) * b / 2, -(w**3) * a / 6])
    return sine[:n].to(weight.dtype) @ of_sine.T + cosine[:n].to(weight.dtype) @ of_cosine.T


def look_up(table: Tensor, theta: Tensor) -> Tensor:
    """Return the tabulated function's values, (N, outputs)."""
    point, offset = _place(theta)
    value, first, second, third = table.index_select(0, point).chunk(ORDER, 1)
    u = offset.to(table.dtype)[:, None]
    return torch.addcmul(value, u, torch.addcmul(first, u, torch.addcmul(second, u, third)))


def moments(theta: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and variance of the encoding over angles (T,), float64 (128,) each."""
    point, offset = _place(theta)
    n = int(point.max()) + 1
    powers = torch.stack([torch.bincount(point, offset.double() ** p, minlength=n) for p in range(ORDER)]) / len(theta)
    sine, cosine = (values[:n].double() for values in _grid(theta.device))
    w = (frequencies().double() * STEP).to(theta.device)
    mean = _mean(powers, sine, cosine, w)
    twice = _mean(powers, 2 * sine * cosine, cosine**2 - sine**2, 2 * w)[1::2]
    squares = torch.stack([1 - twice, 1 + twice], 1).flatten() / 2
    return mean, (squares - mean**2).clamp(min=0)


def _mean(powers: Tensor, sine: Tensor, cosine: Tensor, w: Tensor) -> Tensor:
    """Return means of the sines and cosines from the moments of the offsets from each point."""
    of_sine, of_cosine = powers @ sine, powers @ cosine
    terms = torch.stack([torch.ones_like(w), w, -(w**2) / 2, -(w**3) / 6])
    odd = torch.tensor([0, 1, 0, 1], dtype=torch.bool, device=w.device)[:, None]
    means = [(terms * torch.where(odd, of_cosine, of_sine)).sum(0),
             (terms * torch.where(odd, -of_sine, of_cosine)).sum(0)]
    return torch.stack(means, 1).flatten()


def _place(theta: Tensor) -> tuple[Tensor, Tensor]:
    """Return the nearest point of the table, and the distance from it in steps."""
    steps = theta.sqrt() / STEP
    nearest = steps.round()
    return nearest.long(), steps - nearest


@lru_cache(maxsize=4)
@torch.inference_mode(False)  # what is kept for training must not be an inference tensor
def _grid(device: torch.device) -> tuple[Tensor, Tensor]:
    """Return sines and cosines at all points from 0 to pi, float32 (points, 64) each."""
    points = torch.arange(int(math.sqrt(math.pi) / STEP) + 3, dtype=torch.float64) * STEP
    phase = points[:, None] * frequencies().double()
    return phase.sin().float().to(device), phase.cos().float().to(device)
