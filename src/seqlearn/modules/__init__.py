"""Recurrent networks for sequences: what they read out gives them their names."""

from seqlearn.modules.base import FROM_TASK, SequenceModule
from seqlearn.modules.encoder_decoder import EncoderDecoder
from seqlearn.modules.many_to_many import ManyToMany
from seqlearn.modules.many_to_one import ManyToOne
from seqlearn.modules.one_to_many import OneToMany

MODULES: dict[str, type[SequenceModule]] = {
    module.mapping: module for module in (ManyToMany, ManyToOne, OneToMany, EncoderDecoder)
}
"""For each mapping the network that fits."""

__all__ = [
    "FROM_TASK",
    "MODULES",
    "EncoderDecoder",
    "ManyToMany",
    "ManyToOne",
    "OneToMany",
    "SequenceModule",
]
