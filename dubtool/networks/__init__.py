"""The networks as torch modules, one file per paper. This package imports torch and nothing else of dubtool."""

from __future__ import annotations

from dubtool.networks.adasr import AdaSR
from dubtool.networks.dinet import DINet
from dubtool.networks.g4g import G4G
from dubtool.networks.hdtr import HDTRNet
from dubtool.networks.syncnet import SyncNet
from dubtool.networks.wav2lip import Wav2Lip

__all__ = ["G4G", "AdaSR", "DINet", "HDTRNet", "SyncNet", "Wav2Lip"]
