from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dubtool.errors import InputError, UsageError
from dubtool.metrics.phones import PhoneRecogniser, bilabials


@pytest.fixture(scope="module")
def recogniser() -> PhoneRecogniser:
    pytest.importorskip("pocketsphinx")
    return PhoneRecogniser()


def test_known_words_are_timed(recogniser: PhoneRecogniser, tmp_path: Path) -> None:
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not here")
    path = tmp_path / "said.wav"
    subprocess.run(["espeak-ng", "-v", "en-us", "-w", str(path), "lay blue by p four please"], check=True)
    sound, rate = soundfile.read(path, dtype="float32")
    at_16k = np.interp(np.arange(0, len(sound) / rate, 1 / 16000), np.arange(len(sound)) / rate, sound)
    said = bilabials(recogniser.phones(at_16k.astype(np.float32), "lay blue by p four please"))
    assert len(said) == 4
    starts = [first for first, _ in said]
    assert starts == sorted(starts) and starts[0] > 0 and said[-1][1] < len(at_16k) / 16000


def test_a_word_that_is_in_no_dictionary_is_told(recogniser: PhoneRecogniser) -> None:
    with pytest.raises(InputError, match="xqzzt"):
        recogniser.phones(np.zeros(16000, np.float32), "xqzzt")


def test_nothing_is_said_in_no_sound(recogniser: PhoneRecogniser) -> None:
    assert recogniser.phones(np.zeros(0, np.float32)) == []


def test_without_the_package_it_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    with pytest.raises(UsageError, match=r"dubtool\[phones\]"):
        PhoneRecogniser()
