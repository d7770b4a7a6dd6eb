import subprocess
import sys

import pytest

import elman.data


def test_every_name_is_there():
    for name in elman.data.__all__:
        assert getattr(elman.data, name).__module__.startswith("elman.data.")
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        elman.data.nothing  # noqa: B018


def test_tokenising_needs_no_torch_and_nothing_needs_gensim_at_import():
    script = (
        "import sys; import elman.data.tokenise; assert 'torch' not in sys.modules\n"
        "from elman.data import *; assert 'gensim' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
