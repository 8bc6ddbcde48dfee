"""In which country an address is, by a database of MaxMind's format."""

from __future__ import annotations

from typing import Any

import attrs
import maxminddb


@attrs.frozen
class Countries:
    """A database that is open. Two are the same if they are the same file of the same day."""

    file: str
    built: int
    reader: Any = attrs.field(eq=False, repr=False)

    @classmethod
    def open(cls, file: str) -> Countries:
        """The database in a file. @raises ValueError with the reason."""
        try:
            reader = maxminddb.open_database(file)
            built = int(reader.metadata().build_epoch)
        except (OSError, maxminddb.InvalidDatabaseError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise ValueError(f"cannot be read: {why}") from error
        return cls(file, built, reader)

    def of(self, host: str) -> str:
        """The ISO 3166 code of the country that `host`, an IP literal, is in; empty where that is not known."""
        try:
            found = self.reader.get(host.partition("%")[0])
        except (ValueError, maxminddb.InvalidDatabaseError):  # no address, or of the other IP version than the file's
            return ""
        for name in ("country", "registered_country"):
            code = found.get(name, {}).get("iso_code") if isinstance(found, dict) else None
            if isinstance(code, str):
                return code
        return ""

    def __str__(self) -> str:
        return self.file
