"""A network of the user's own: a class in a Python file, whose code is run only if the user names the file.

The name of such a network is `FILE.py:CLASS`, the value of the option `model.name`. Validating a configuration turns
it into an `OwnNetwork`, which knows the file; that is refused unless whoever validates has `Code`, which comes
from the command line alone. So a weights file, whose header holds a configuration, cannot have code run.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, get_args

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, ValidationInfo

from .errors import ConfigError, ModelError, PphysmlError, did_you_mean

if TYPE_CHECKING:
    from torch import nn

_FORM = re.compile(r"([^\x00-\x1f\x7f]+\.py):([A-Za-z_]\w*)")
SHOWN = 16
"""Hexadecimal digits of a hash that messages show."""


@dataclass(frozen=True)
class Code:
    """Leave to run the code of one file.

    Attributes:
        file: named with --model-code; None for the one that the name of the network says, which the user wrote.
        content: of the file, if it has been read.
    """

    file: Path | None = None
    content: bytes | None = None


@dataclass(frozen=True)
class Recorded:
    """What weights and run folders keep of the network's code.

    Attributes:
        name: `FILE.py:CLASS`, as it was in the training.
        sha256: of the file.
    """

    name: str
    sha256: str

    def allows(self, given: Path | None) -> Code:
        """Return the leave to run a file, which must be the one that the network was trained with.

        Raises:
            ConfigError: there is no such file.
            ModelError: it is another one, or none is given.
        """
        if given is None:
            raise ModelError(f"The network is {self.name!r}, not one of pphysml's: give its file with --model-code FILE, "
                             "whose code is run then.")
        content = _content(given)
        found = hashlib.sha256(content).hexdigest()
        if found != self.sha256:
            raise ModelError(f"--model-code {given}: is not the file of the training of {self.name!r}: its SHA-256 is "
                             f"{found[:SHOWN]}..., not {self.sha256[:SHOWN]}...")
        return Code(given, content)


def recorded(values: Mapping[str, Any]) -> Recorded | None:
    """Return what a header or a run folder has kept of the code; None where the network is one of pphysml's."""
    kept = values.get("model_code")
    if not isinstance(kept, dict) or not all(isinstance(kept.get(key), str) for key in ("name", "sha256")):
        return None
    return Recorded(kept["name"], kept["sha256"])


class OwnNetwork(str):
    """The name of a network of the user's own, `FILE.py:CLASS`.

    Attributes:
        path: the file.
        class_name: the class.
        content: what is run, and no other: the file may change in between.
    """

    path: Path
    class_name: str
    content: bytes

    def __new__(cls, name: str, code: Code) -> OwnNetwork:
        """Read the file without running it.

        Raises:
            ConfigError: it cannot be read.
        """
        made = super().__new__(cls, name)
        file, made.class_name = _parts(name)
        made.path = (code.file or Path(file)).expanduser()
        made.content = _content(made.path) if code.content is None else code.content
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how it is copied, as by networks that keep their configuration."""
        return OwnNetwork, (str(self), Code(self.path, self.content))

    @property
    def recorded(self) -> Recorded:
        """What is kept of the code with the weights."""
        return Recorded(str(self), hashlib.sha256(self.content).hexdigest())

    def make(self, config: Any) -> nn.Module:
        """Run the file and return `CLASS(config)`.

        Raises:
            ConfigError: the file cannot be run, has no such class, or the class cannot be made or trained.
        """
        from torch import nn

        module = self._module()
        found = vars(module).get(self.class_name)
        if not (isinstance(found, type) and issubclass(found, nn.Module)):
            known = vars(module).items()
            classes = [name for name, value in known if isinstance(value, type) and issubclass(value, nn.Module)]
            raise ConfigError(f"{self.path}: has no class {self.class_name!r} that is a torch.nn.Module."
                              f"{did_you_mean(self.class_name, classes)}")
        with self.reporting(f"{self.class_name}(config)"):
            network = found(config)
            if not isinstance(network, nn.Module):
                raise ConfigError(f"{self.path}: {self.class_name}(config) gives a {type(network).__name__}, "
                                  "not a torch.nn.Module.")
            parameters, state = list(network.parameters()), network.state_dict()
        for name, value in state.items():
            fault = _unusable(value)
            if fault:
                raise ConfigError(f"{self.path}: {name!r} of {self.class_name} {fault}.")
        if not any(parameter.requires_grad for parameter in parameters):
            raise ConfigError(f"{self.path}: {self.class_name} has no parameters to train.")
        return network

    @contextmanager
    def reporting(self, what: str) -> Iterator[None]:
        """Report what goes wrong in the file's code, or in torch because of it, as an error of the file.

        Args:
            what: is done.

        Raises:
            ConfigError: something went wrong there.
        """
        try:
            yield
        except PphysmlError:
            raise
        except (Exception, SystemExit) as error:
            frames = traceback.extract_tb(error.__traceback__)
            lines = [frame.lineno for frame in frames if frame.filename == str(self.path)]
            if not lines and (_is_memory(error) or not _in_a_library_of_networks(frames[-1].filename)):
                raise
            line = f", line {lines[-1]}" if lines else ""
            reason = f": {str(error).splitlines()[0]}" if str(error) else ""
            kind = type(error).__name__
            raise ConfigError(f"{self.path}{line}: {what} failed with {kind}{reason}; --debug shows where.") from error

    def _module(self) -> ModuleType:
        """Return the file run as a module, once in a process.

        It is in `sys.modules` under the file's name, where some libraries look for the module of a class.
        """
        key = str(self.path.absolute()), self.recorded.sha256
        if key not in _RUN:
            try:
                program = compile(self.content, str(self.path), "exec")
            except SyntaxError as error:
                line = f", line {error.lineno}" if error.lineno else ""
                raise ConfigError(f"{self.path}{line}: is no Python: {error.msg}.") from None
            module = sys.modules[self.path.name] = ModuleType(self.path.name)
            module.__file__ = str(self.path)
            beside = str(self.path.absolute().parent)
            if beside not in sys.path:
                sys.path.append(beside)
            try:
                with self.reporting("running it"):
                    exec(program, vars(module))
            except BaseException:
                del sys.modules[self.path.name]
                raise
            _RUN[key] = module
        return _RUN[key]


_RUN: dict[tuple[str, str], ModuleType] = {}
"""Files that have been run, by their path and SHA-256."""


def _unusable(value: Any) -> str:
    """Return why a part of a network's state cannot be trained or kept; "" if it can."""
    from torch import Tensor
    from torch.nn.parameter import is_lazy

    if not isinstance(value, Tensor):
        return "is no tensor, and cannot be kept with the weights"
    if is_lazy(value) or value.is_meta:
        return "has no values before data is seen; make it with its size"
    try:
        value.detach().cpu().numpy()
    except (TypeError, RuntimeError):
        return f"is {value.dtype} in the layout {value.layout}, which cannot be kept with the weights"
    return "is NaN before the training" if value.isnan().any() else ""


def _is_memory(error: BaseException) -> bool:
    import torch

    return isinstance(error, (MemoryError, torch.OutOfMemoryError))


def _in_a_library_of_networks(file: str) -> bool:
    """Return whether a file is of a library whose errors come from how a network uses it."""
    libraries = (sys.modules.get(name) for name in ("torch", "torch_geometric", "snntorch", "lightning_fabric"))
    return any(module.__file__ is not None and Path(file).is_relative_to(Path(module.__file__).parent)
               for module in libraries if module is not None)


def is_own(name: str) -> bool:
    """Return whether a name has the form of a network of the user's own."""
    return _FORM.fullmatch(name) is not None


def or_own(names: Any) -> tuple[BeforeValidator, AfterValidator, PlainSerializer]:
    """Return what an option `model.name` is annotated with, so that it takes known names and those of the user's networks.

    Args:
        names: the known ones, as a `Literal`.
    """
    known = get_args(names)

    def text(name: Any) -> str:
        if not isinstance(name, str):
            raise ValueError("must be the name of a network, or FILE.py:CLASS for one of your own")
        return name

    def check(name: str, info: ValidationInfo) -> str:
        if name in known:
            return name
        if not is_own(name):
            raise ValueError(f"there is no network {name!r}; one of your own is named FILE.py:CLASS."
                             f"{did_you_mean(name, known)}")
        code = info.context
        if not isinstance(code, Code):
            raise ValueError("the network is not one of pphysml's: give its file with --model-code FILE, "
                             "whose code is run then")
        try:
            return OwnNetwork(name, code)
        except ConfigError as error:
            raise ValueError(str(error)) from None

    return BeforeValidator(text), AfterValidator(check), PlainSerializer(str, return_type=str)


def _parts(name: str) -> tuple[str, str]:
    match = _FORM.fullmatch(name)
    assert match is not None
    return match[1], match[2]


def _content(path: Path) -> bytes:
    try:
        if os.path.lexists(path) and not os.path.isfile(path):
            raise ConfigError(f"{path}: the file of the network is no regular file.")
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: the file of the network cannot be read: {error.strerror}.") from None
    except ValueError:
        raise ConfigError(f"{str(path)!r}: cannot be the name of a file.") from None
