"""Files that are either whole or not there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_atomically(path: Path) -> Iterator[Path]:
    """Give a temporary name to write to; it becomes `path` once the block has ended well.

    A reader, or a restart after a kill, sees the old file or the new one, never a part.

    Args:
        path: where the file is to be; its folder must exist.

    Yields:
        The temporary name, in the same folder.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
