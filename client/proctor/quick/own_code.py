"""Functions and classes of a notebook or a script, written down as a module of source text.

A model in memory refers to code that is installed nowhere: the class of a network, a `preprocess`.
It is taken along as text, with all that it uses of its module, and never as bytecode: text can be
read by whoever reviews the model, and does not depend on the version of Python.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import linecache
import sys
import sysconfig
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

_PLAIN = (bool, int, float, complex, str, bytes, type(None))
_INSTALLED = {"site-packages", "dist-packages"}
_MOST_CONSTANT_CHARACTERS = 10_000


class OwnCodeError(ValueError):
    """Something cannot be taken along as text; the message says what and what to do instead."""


def is_own(thing: Any) -> bool:
    """Tell whether a function or class is of a notebook, a script or a folder of one's own.

    What is installed, or comes with Python, is not.
    """
    module = getattr(thing, "__module__", None)
    if module is None or module == "builtins":
        return False
    found = sys.modules.get(module)
    file = getattr(found, "__file__", None)
    if module == "__main__" or found is None:
        return True
    return file is not None and not _installed(Path(file))


def _installed(file: Path) -> bool:
    standard = Path(sysconfig.get_path("stdlib")).resolve()
    place = file.resolve()
    return standard in place.parents or not _INSTALLED.isdisjoint(place.parts)


@dataclass
class OwnCode:
    """Collects functions and classes of one's own, each with what it uses.

    Attributes:
        modules: Names of the modules that what is collected comes from.
        imported: Names of the packages, or modules of Python, that it imports.
    """

    modules: set[str] = field(default_factory=set)
    imported: set[str] = field(default_factory=set)
    _imports: dict[str, str] = field(default_factory=dict)
    _constants: dict[str, str] = field(default_factory=dict)
    _definitions: dict[str, str] = field(default_factory=dict)
    _owners: dict[str, Any] = field(default_factory=dict)
    _future: bool = False

    def add(self, thing: Any) -> str:
        """Take a function or class along, and return its name in the text.

        Raises:
            OwnCodeError: It has no source, is a lambda, is nested in a function, or uses something
                that has no form as text.
        """
        name = getattr(thing, "__qualname__", "")
        if not isinstance(thing, (FunctionType, type)):
            raise OwnCodeError(f"{thing!r} is neither a function nor a class")
        if not name.isidentifier():
            why = "a lambda" if "<lambda>" in name else f"defined inside {name.rpartition('.')[0]}"
            raise OwnCodeError(
                f"{name} is {why} and cannot be taken along; define it with a name of its own, at"
                " the top of the notebook or module"
            )
        known = self._owners.setdefault(name, thing)
        if known is not thing:
            if self._definitions.get(name) == _source(thing):
                return name
            raise OwnCodeError(f"there are two different things called {name}; rename one")
        if name in self._definitions:
            return name
        self.modules.add(thing.__module__)
        source = _source(thing)
        self._definitions[name] = ""  # it may refer to itself
        scope = vars(sys.modules[thing.__module__])
        if isinstance(thing, FunctionType):
            scope = thing.__globals__
        # The name stands for the feature in every module that asks for it, this one included.
        self._future = self._future or scope.get("annotations") is annotations
        for used in _names_used(source):
            if used in scope and used != name:
                self._add_used(name, used, scope[used])
        # What it uses comes first: bases and decorators are needed when it is defined.
        del self._definitions[name]
        self._definitions[name] = source
        return name

    def text(self) -> str:
        """Return the module; it is empty where nothing was taken along."""
        parts = [
            "from __future__ import annotations" if self._future else "",
            "\n".join(sorted(self._imports.values())),
            "\n".join(f"{name} = {value}" for name, value in self._constants.items()),
            "\n\n\n".join(self._definitions.values()),
        ]
        return "\n\n".join(part for part in parts if part)

    def _add_used(self, user: str, name: str, value: Any) -> None:
        if isinstance(value, ModuleType):
            self._add_module(user, name, value)
        elif isinstance(value, (FunctionType, type)) and is_own(value):
            if self.add(value) != name:
                self._constants[name] = value.__qualname__
        elif _is_plain(value):
            text = repr(value)
            if len(text) > _MOST_CONSTANT_CHARACTERS:
                raise OwnCodeError(f"{user} uses {name}, which is too long to be written as text")
            self._constants[name] = text
        elif _can_be_imported(value):
            self.imported.add(value.__module__.partition(".")[0])
            self._imports[name] = f"from {value.__module__} import {value.__qualname__} as {name}"
        else:
            raise OwnCodeError(
                f"{user} uses {name}, a {type(value).__name__} that lies outside of it. Make it"
                " part of the model (a step of a pipeline, a buffer of a module), or write a model"
                " folder that reads it in load"
            )

    def _add_module(self, user: str, name: str, module: ModuleType) -> None:
        file = getattr(module, "__file__", None)
        if file is not None and not _installed(Path(file)):
            raise OwnCodeError(
                f"{user} uses the module {module.__name__} of your own; import what it uses from it"
                f" (from {module.__name__} import ...), and that is taken along"
            )
        self.imported.add(module.__name__.partition(".")[0])
        self._imports[name] = (
            f"import {name}" if module.__name__ == name else f"import {module.__name__} as {name}"
        )


def _can_be_imported(value: Any) -> bool:
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str):
        return False
    return getattr(sys.modules.get(module), name, None) is value


def _is_plain(value: Any) -> bool:
    if isinstance(value, (tuple, list, set, frozenset)):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(_is_plain(key) and _is_plain(held) for key, held in value.items())
    return isinstance(value, _PLAIN)


def _names_used(source: str) -> list[str]:
    names = dict.fromkeys(
        node.id
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    )
    return [name for name in names if not hasattr(builtins, name)]


def _source(thing: Any) -> str:
    """Return the text of a definition.

    Raises:
        OwnCodeError: There is none, or it uses variables of an enclosing function.
    """
    code = getattr(thing, "__code__", None)
    if code is not None and code.co_freevars:
        raise OwnCodeError(
            f"{thing.__qualname__} uses {', '.join(code.co_freevars)} of the function around it"
        )
    found: str | None
    try:
        found = textwrap.dedent(inspect.getsource(thing)).rstrip()
    except (OSError, TypeError):
        found = _class_source(thing) if isinstance(thing, type) else None
    if found is None:
        raise OwnCodeError(
            f"the source of {thing.__qualname__} cannot be found; define it in a file or a notebook"
        )
    if not _defines(found, thing.__name__):
        raise OwnCodeError(
            f"the file of {thing.__qualname__} has changed since it was imported; start anew"
        )
    return found


def _defines(source: str, name: str) -> bool:
    try:
        parsed = ast.parse(source).body
    except SyntaxError:
        return False
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return len(parsed) == 1 and isinstance(parsed[0], kinds) and parsed[0].name == name


def _class_source(thing: type) -> str | None:
    """Find a class of a notebook by the file name of its methods: it has no file of its own."""
    for member in vars(thing).values():
        code = getattr(member, "__code__", None)
        if code is None:
            continue
        text = "".join(linecache.getlines(code.co_filename))
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef) and node.name == thing.__name__:
                first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
                return "\n".join(text.splitlines()[first - 1 : node.end_lineno])
    return None
