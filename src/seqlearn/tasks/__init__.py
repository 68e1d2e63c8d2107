"""The tasks, one file each; a file's name is the task's word on the command line."""

from seqlearn.data import SequenceDataModule
from seqlearn.tasks.alphabet import Alphabet
from seqlearn.tasks.arma import ARMA
from seqlearn.tasks.binary_add import BinaryAdd
from seqlearn.tasks.bouncing_ball import BouncingBall
from seqlearn.tasks.char_lm import CharLM
from seqlearn.tasks.countdown import Countdown
from seqlearn.tasks.decimal_add import DecimalAdd
from seqlearn.tasks.first_symbol import FirstSymbol
from seqlearn.tasks.football import Football
from seqlearn.tasks.next_number import NextNumber
from seqlearn.tasks.noise import Noise
from seqlearn.tasks.random_walk import RandomWalk
from seqlearn.tasks.reverse import Reverse
from seqlearn.tasks.sunspots import Sunspots
from seqlearn.tasks.topic import Topic
from seqlearn.tasks.waveform import Waveform

TASKS: dict[str, type[SequenceDataModule]] = {
    "alphabet": Alphabet,
    "arma": ARMA,
    "binary_add": BinaryAdd,
    "bouncing_ball": BouncingBall,
    "char_lm": CharLM,
    "countdown": Countdown,
    "decimal_add": DecimalAdd,
    "first_symbol": FirstSymbol,
    "football": Football,
    "next_number": NextNumber,
    "noise": Noise,
    "random_walk": RandomWalk,
    "reverse": Reverse,
    "sunspots": Sunspots,
    "topic": Topic,
    "waveform": Waveform,
}

__all__ = [
    "ARMA",
    "TASKS",
    "Alphabet",
    "BinaryAdd",
    "BouncingBall",
    "CharLM",
    "Countdown",
    "DecimalAdd",
    "FirstSymbol",
    "Football",
    "NextNumber",
    "Noise",
    "RandomWalk",
    "Reverse",
    "Sunspots",
    "Topic",
    "Waveform",
]
