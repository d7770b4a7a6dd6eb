"""The data sets that can be prepared."""

from elman.data.prepare.babi import BABI
from elman.data.prepare.g2p import G2P
from elman.data.prepare.gestures import GESTURES
from elman.data.prepare.item import DataSet
from elman.data.prepare.sst import SST, SST2, SST_BINARY, SST_PHRASES
from elman.data.prepare.surnames import SURNAMES
from elman.data.prepare.tatoeba import TATOEBA
from elman.data.prepare.trec import TREC, TREC_FINE

DATA_SETS: dict[str, DataSet] = {
    "babi": BABI,
    "g2p": G2P,
    "gestures": GESTURES,
    "sst": SST,
    "sst-binary": SST_BINARY,
    "sst-phrases": SST_PHRASES,
    "sst2": SST2,
    "surnames": SURNAMES,
    "tatoeba": TATOEBA,
    "trec": TREC,
    "trec-fine": TREC_FINE,
}
"""How each data set is prepared, by the names the command line knows."""
