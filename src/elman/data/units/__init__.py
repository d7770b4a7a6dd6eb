"""What a token can be: a character, a word, or a byte-level piece learned from the text."""

from elman.data.units.bpe import BPEUnit
from elman.data.units.char import CharUnit
from elman.data.units.unit import DecodeStream, Unit
from elman.data.units.word import WordUnit

__all__ = ["BPEUnit", "CharUnit", "DecodeStream", "Unit", "WordUnit"]
