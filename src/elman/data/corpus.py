"""A corpus on disk: raw text tokenised once, then read as a memory-mapped stream of ids."""

import bisect
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int, Integer

from elman.data.text import Source
from elman.data.tokenise import COUNT_TYPE, plan, token_type, tokenise
from elman.data.tokenizer import Tokenizer
from elman.errors import DataError
from elman.files import written_atomically

# A process takes about a second to start: less text than this is done sooner without it.
WORKER_BYTES = 32_000_000


@dataclass(frozen=True)
class Corpus:
    """A stream of token ids and where its lines end; made by `build`, `open` or `split`.

    On disk it is three files: `STEM.bin` (the ids, 16 or 32 bits each), `STEM.lines` (for each
    line the tokens and characters up to its end, 64 bits each) and `STEM.json` (the counts).

    Args:
        tokens: the ids, memory-mapped.
        ends: for each line the tokens and the characters up to its end.
        start: the tokens and the characters that `ends` counts before the first line.
    """

    tokens: Integer[np.ndarray, " time"]
    ends: Int[np.ndarray, "lines 2"]
    start: tuple[int, int] = (0, 0)

    @staticmethod
    def build(
        sources: Sequence[Source],
        tokenizer: Tokenizer,
        stem: str | Path,
        *,
        workers: int | None = None,
    ) -> "Corpus":
        """Tokenises raw text in bounded memory and writes it to disk.

        The lines of all sources follow each other. A missing newline at the very end is added
        only in the unit `word`, where it closes the sentence. Large plain files are cut at line
        ends and shared among spawned processes, so a script that calls this needs
        `if __name__ == "__main__":` unless `workers` is 1.

        Args:
            sources: files as `read_lines` takes them; standard input can be read only once.
            tokenizer: gives the ids.
            stem: path of the files to write, without their endings.
            workers: the most processes to use; None takes one a core. The result does not
                depend on it.

        Returns:
            The corpus, opened.

        Raises:
            DataError: there is no source, or one cannot be read or encoded; the message names
                file and line.
        """
        if not sources:
            raise DataError("no text given: name at least one file.")
        stem = Path(stem)
        stem.parent.mkdir(parents=True, exist_ok=True)
        groups = plan(sources, _cores() if workers is None else workers, WORKER_BYTES)
        # The counts are written last: without them there is no corpus.
        _file(stem, "json").unlink(missing_ok=True)
        with (
            written_atomically(_file(stem, "bin")) as token_file,
            written_atomically(_file(stem, "lines")) as end_file,
            token_file.open("wb") as tokens,
            end_file.open("wb") as ends,
        ):
            counts = tokenise(groups, tokenizer, tokens, ends)
            lines = ends.tell() // (2 * COUNT_TYPE.itemsize)
        summary = {**counts._asdict(), "lines": lines, "dtype": token_type(tokenizer).name}
        with written_atomically(_file(stem, "json")) as file:
            file.write_text(json.dumps(summary) + "\n", encoding="ascii")
        return Corpus.open(stem)

    @staticmethod
    def open(stem: str | Path) -> "Corpus":
        """Opens what `build` wrote; the ids stay on disk until they are used.

        Args:
            stem: path of the files, without their endings.

        Raises:
            DataError: a file is missing or damaged.
        """
        stem = Path(stem)
        try:
            summary = json.loads(_file(stem, "json").read_bytes())
            dtype = np.dtype(summary["dtype"]).newbyteorder("<")
            tokens = np.memmap(_file(stem, "bin"), dtype, mode="r")
            ends = np.memmap(_file(stem, "lines"), COUNT_TYPE, mode="r").reshape(-1, 2)
            found = (len(tokens), len(ends), *ends[-1].tolist())
            expected = tuple(summary[k] for k in ("tokens", "lines", "tokens", "characters"))
        except FileNotFoundError as error:
            raise DataError(f"{error.filename}: no such file: build the corpus again.") from None
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{stem}: damaged corpus ({error}): build it again.") from None
        if found != expected:
            raise DataError(
                f"{stem}: damaged corpus ({found[0]} tokens in {found[1]} lines on disk, "
                f"{expected[0]} in {expected[1]} expected): build it again."
            )
        return Corpus(tokens, ends)

    @property
    def characters(self) -> int:
        """The characters of the text, newlines included."""
        return int(self.ends[-1, 1]) - self.start[1]

    @property
    def lines(self) -> int:
        """The lines of the text."""
        return len(self.ends)

    def split(self, fraction: float = 0.1) -> tuple["Corpus", "Corpus"]:
        """Holds out the end of the text, cut at a line end.

        Args:
            fraction: the share of the tokens to hold out, above 0 and below 1.

        Returns:
            The text before the cut and the held-out rest, both views of this corpus.

        Raises:
            DataError: the text is a single line.
        """
        if not 0 < fraction < 1:
            raise ValueError(f"split expects a fraction between 0 and 1, got {fraction}.")
        if self.lines < 2:
            raise DataError(
                "a text of a single line cannot be split for validation: give a second file."
            )
        wanted = self.start[0] + len(self.tokens) * (1 - fraction)
        line = bisect.bisect_left(self.ends, wanted, hi=self.lines - 2, key=lambda end: end[0])
        tokens, characters = self.ends[line].tolist()
        cut = tokens - self.start[0]
        return (
            Corpus(self.tokens[:cut], self.ends[: line + 1], self.start),
            Corpus(self.tokens[cut:], self.ends[line + 1 :], (tokens, characters)),
        )


def _file(stem: Path, ending: str) -> Path:
    return stem.with_name(f"{stem.name}.{ending}")


def _cores() -> int:
    """Counts the processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
