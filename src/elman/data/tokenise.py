"""Text to the binary streams of a corpus, by one process or by several spawned ones."""

import multiprocessing
import os
import shutil
import signal
import stat
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from io import BufferedWriter
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from elman.data.text import Block, Source, Span, count_lines, is_plain, read_blocks, source_name
from elman.data.tokenizer import Tokenizer
from elman.errors import DataError

COUNT_TYPE = np.dtype("<i8")
_END_BYTES = 2 * COUNT_TYPE.itemsize
_COPY_BYTES = 1 << 20
_GZIP_RATIO = 4


class Piece(NamedTuple):
    """A part of one source for one process.

    Attributes:
        path: the source.
        span: its part of a plain file; all of the source if None.
        followed: whether another source comes after this one.
    """

    path: Source
    span: Span | None
    followed: bool


class Counts(NamedTuple):
    """The size of a tokenised text, in tokens and in characters."""

    tokens: int
    characters: int


def token_type(tokenizer: Tokenizer) -> np.dtype[np.unsignedinteger]:
    """Chooses how ids are stored.

    Args:
        tokenizer: the vocabulary counts.

    Returns:
        Little-endian 16 bits up to 65536 tokens, else 32.
    """
    return np.dtype("<u2" if tokenizer.vocabulary_size <= 1 << 16 else "<u4")


def plan(sources: Sequence[Source], workers: int, worker_bytes: int) -> list[list[Piece]]:
    """Shares sources among processes: runs of about equal size, in the order of the text.

    Args:
        sources: what to read; one that is no regular file (a pipe, standard input) leaves all
            the work to one process.
        workers: the most processes to use.
        worker_bytes: a process has to have this much to do.

    Returns:
        The pieces of each process.
    """
    sizes = [_size(path) for path in sources]
    last = len(sources) - 1
    share = max(sum(sizes) / max(workers, 1), worker_bytes)
    if min(sizes) == 0 or sum(sizes) < 2 * share * 0.99:
        return [[Piece(path, None, place < last) for place, path in enumerate(sources)]]
    groups: list[list[Piece]] = [[]]
    room = share
    for place, (path, size) in enumerate(zip(sources, sizes, strict=True)):
        start = 0
        while is_plain(path) and len(groups) < workers and size - start > room:
            stop = _next_line(path, start + int(room), size)
            groups[-1].append(Piece(path, Span(start, stop), place < last))
            start, room = stop, share
            groups.append([])
        if start < size:
            span = Span(start, size) if is_plain(path) else None
            groups[-1].append(Piece(path, span, place < last))
            room -= size - start
        if room <= 0 and len(groups) < workers:
            groups.append([])
            room = share
    return [group for group in groups if group]


def tokenise(
    groups: Sequence[Sequence[Piece]],
    tokenizer: Tokenizer,
    tokens: BufferedWriter,
    ends: BufferedWriter,
) -> Counts:
    """Writes the ids of a text and, for each line, the tokens and characters up to its end.

    Args:
        groups: the text as `plan` gives it; each group beyond one gets a process of its own.
        tokenizer: gives the ids.
        tokens: takes the ids in the format of `token_type`.
        ends: takes two counts a line in the format `COUNT_TYPE`.

    Returns:
        The tokens and characters of the whole text.

    Raises:
        DataError: the first place of the text that cannot be read or encoded.
        RuntimeError: a process died.
    """
    if len(groups) == 1:
        return _write(groups[0], tokenizer, tokens, ends)
    total = Counts(0, 0)
    with tempfile.TemporaryDirectory(prefix=".tokenise-", dir=Path(tokens.name).parent) as folder:
        stems = [Path(folder) / str(place) for place in range(len(groups))]
        for stem, counts in zip(stems, _run(groups, tokenizer, stems), strict=True):
            with open(f"{stem}.tokens", "rb") as part:
                shutil.copyfileobj(part, tokens, _COPY_BYTES)
            with open(f"{stem}.ends", "rb") as part:
                while data := part.read(_COPY_BYTES):
                    ends.write((np.frombuffer(data, COUNT_TYPE).reshape(-1, 2) + total).tobytes())
            total = Counts(total.tokens + counts.tokens, total.characters + counts.characters)
    return total


def _size(path: Source) -> int:
    """Estimates how much text a regular file has; 0 for what has to be read to be known."""
    try:
        status = os.stat(path)
    except OSError:
        return 0
    if not stat.S_ISREG(status.st_mode):
        return 0
    return status.st_size * (1 if is_plain(path) else _GZIP_RATIO)


def _next_line(path: Source, place: int, size: int) -> int:
    """Returns the first line start after byte `place`, or `size`."""
    with open(path, "rb") as stream:
        stream.seek(place)
        while data := stream.read(_COPY_BYTES):
            found = data.find(b"\n") + 1
            if found:
                return place + found
            place += len(data)
    return size


def _run(
    groups: Sequence[Sequence[Piece]], tokenizer: Tokenizer, stems: Sequence[Path]
) -> list[Counts]:
    """Runs one process a group; the answers come in the order of the text."""
    context = multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        connections = []
        # Starting the tracker unblocks signals, so it comes first.
        resource_tracker.ensure_running()
        # A blocked signal stays blocked in the processes: on Ctrl-C only this one answers, and
        # leaving the stack ends the others.
        unblocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            for group, stem in zip(groups, stems, strict=True):
                ours, theirs = context.Pipe(duplex=False)
                process = context.Process(
                    target=_work, args=(theirs, group, tokenizer, stem), daemon=True
                )
                process.start()
                stack.callback(_end, process)
                theirs.close()
                connections.append(stack.enter_context(ours))
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, unblocked)
        return [_answer(connection) for connection in connections]


def _end(process: SpawnProcess) -> None:
    process.terminate()
    process.join()


def _answer(connection: Connection) -> Counts:
    try:
        answer = connection.recv()
    except EOFError:
        raise RuntimeError(
            "a tokenising process died (out of memory?); a script that uses several needs "
            'if __name__ == "__main__": or workers=1.'
        ) from None
    if isinstance(answer, DataError):
        raise answer
    return Counts(*answer)


def _work(connection: Connection, group: Sequence[Piece], tokenizer: Tokenizer, stem: Path) -> None:
    """Tokenises one group into files; runs in a process of its own."""
    with open(f"{stem}.tokens", "wb") as tokens, open(f"{stem}.ends", "wb") as ends:
        try:
            answer: Counts | DataError = _write(group, tokenizer, tokens, ends)
        except DataError as error:
            answer = error
    connection.send(answer)


def _write(
    group: Sequence[Piece], tokenizer: Tokenizer, tokens: BufferedWriter, ends: BufferedWriter
) -> Counts:
    writer = _Writer(tokenizer, tokens, ends)
    for piece in group:
        writer.add(piece)
    return Counts(writer.tokens, writer.characters)


class _Writer:
    """Appends tokenised text to two binary streams and counts it."""

    def __init__(self, tokenizer: Tokenizer, tokens: BufferedWriter, ends: BufferedWriter) -> None:
        self.tokens = 0
        self.characters = 0
        self._tokenizer = tokenizer
        self._type = token_type(tokenizer)
        self._token_stream = tokens
        self._end_stream = ends

    def add(self, piece: Piece) -> None:
        text = "\n"
        for block in read_blocks(piece.path, piece.span):
            text = block.text
            self._append(self._encode(block, piece), text)
        if text.endswith("\n"):
            return
        newline = self._tokenizer.encode("\n")
        if piece.followed:
            self._append(newline, "\n")
        else:
            # The text's last line has no newline: a sentence is closed all the same, a stream of
            # characters stays as it is.
            self._append(newline[: self._tokenizer.unit == "word"], "")
            self._mark(np.array([self.tokens]), np.array([self.characters]))

    def _encode(self, block: Block, piece: Piece) -> Int[np.ndarray, " time"]:
        try:
            return self._tokenizer.encode(block.text)
        except DataError:
            line = block.line + (count_lines(piece.path, piece.span.start) if piece.span else 0)
            for number, text in enumerate(block.text.split("\n"), line):
                self._tokenizer.encode(text, f"{source_name(piece.path)}, line {number}")
            raise

    def _append(self, ids: Int[np.ndarray, " time"], text: str) -> None:
        newlines = np.frombuffer(text.encode("utf-32-le"), dtype="<u4") == ord("\n")
        if newlines.any():
            self._mark(
                self.tokens + 1 + np.flatnonzero(ids == self._tokenizer.boundary),
                self.characters + 1 + np.flatnonzero(newlines),
            )
        self._token_stream.write(ids.astype(self._type).tobytes())
        self.tokens += len(ids)
        self.characters += len(text)

    def _mark(
        self, tokens: Int[np.ndarray, " lines"], characters: Int[np.ndarray, " lines"]
    ) -> None:
        self._end_stream.write(np.stack([tokens, characters], axis=1).astype(COUNT_TYPE).tobytes())
