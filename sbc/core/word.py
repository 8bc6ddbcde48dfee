"""Enumerations whose members are found as any attribute is, and hashed as any object: messages are told apart by them.

An Enum's members cost some ten times as much to find (in Python 3.11 its metaclass has a ``__getattr__``), and their
hash is a function in Python. To whoever checks types a Word is an Enum; of what one can do it does what is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from enum import Enum

    class Word(Enum):
        """See above."""

else:

    class _Words(type):
        """Makes members of what a class of words says that is neither private nor a function or property."""

        _members: dict[str, Any]

        def __new__(cls, name: str, bases: tuple[type, ...], said: dict[str, Any]) -> _Words:
            values = {key: value for key, value in said.items() if key[0] != "_" and not hasattr(value, "__get__")}
            kind = super().__new__(cls, name, bases, {key: said[key] for key in said if key not in values})
            kind._members, kind._by_value = {}, {}
            for key, value in values.items():
                if value not in kind._by_value:
                    member = object.__new__(kind)
                    member.name, member.value = key, value
                    member.__init__(value)
                    kind._by_value[value] = member
                kind._members[key] = kind._by_value[value]
                setattr(kind, key, kind._members[key])
            return kind

        @property
        def __members__(cls) -> dict[str, Any]:
            return dict(cls._members)

        def __call__(cls, value: Any) -> Any:
            """The member of that value. @raises ValueError."""
            try:
                return value if type(value) is cls else cls._by_value[value]
            except (KeyError, TypeError):
                raise ValueError(f"{value!r} is not a valid {cls.__name__}") from None

        def __getitem__(cls, name: str) -> Any:
            return cls._members[name]

        def __iter__(cls) -> Iterator[Any]:
            return iter(cls._by_value.values())

        def __len__(cls) -> int:
            return len(cls._by_value)

        def __contains__(cls, member: object) -> bool:
            return type(member) is cls

    class Word(metaclass=_Words):
        """See above."""

        def __init__(self, value: Any) -> None:
            """What else is known of a member, for classes that say so."""

        def __repr__(self) -> str:
            return f"<{type(self).__name__}.{self.name}: {self.value!r}>"

        def __str__(self) -> str:
            return f"{type(self).__name__}.{self.name}"

        def __reduce__(self) -> tuple[type, tuple[Any]]:
            return type(self), (self.value,)
