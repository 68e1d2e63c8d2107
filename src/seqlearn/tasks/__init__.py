"""The tasks, one file each; a file's name is the task's word on the command line."""

from seqlearn.data import SequenceDataModule
from seqlearn.tasks.adding import Adding
from seqlearn.tasks.alphabet import Alphabet
from seqlearn.tasks.anbn import AnBn
from seqlearn.tasks.anbncn import AnBnCn
from seqlearn.tasks.arma import ARMA
from seqlearn.tasks.associative_recall import AssociativeRecall
from seqlearn.tasks.binary_add import BinaryAdd
from seqlearn.tasks.binary_add_serial import BinaryAddSerial
from seqlearn.tasks.bouncing_ball import BouncingBall
from seqlearn.tasks.char_lm import CharLM
from seqlearn.tasks.copy_memory import CopyMemory
from seqlearn.tasks.countdown import Countdown
from seqlearn.tasks.cycle_nav import CycleNav
from seqlearn.tasks.decimal_add import DecimalAdd
from seqlearn.tasks.digits import Digits
from seqlearn.tasks.first_symbol import FirstSymbol
from seqlearn.tasks.football import Football
from seqlearn.tasks.mod_arith import ModArith
from seqlearn.tasks.next_number import NextNumber
from seqlearn.tasks.noise import Noise
from seqlearn.tasks.parity import Parity
from seqlearn.tasks.random_walk import RandomWalk
from seqlearn.tasks.reber import Reber
from seqlearn.tasks.reverse import Reverse
from seqlearn.tasks.running_parity import RunningParity
from seqlearn.tasks.selective_copy import SelectiveCopy
from seqlearn.tasks.sunspots import Sunspots
from seqlearn.tasks.temporal_order import TemporalOrder
from seqlearn.tasks.topic import Topic
from seqlearn.tasks.waveform import Waveform

TASKS: dict[str, type[SequenceDataModule]] = {
    "adding": Adding,
    "alphabet": Alphabet,
    "anbn": AnBn,
    "anbncn": AnBnCn,
    "arma": ARMA,
    "associative_recall": AssociativeRecall,
    "binary_add": BinaryAdd,
    "binary_add_serial": BinaryAddSerial,
    "bouncing_ball": BouncingBall,
    "char_lm": CharLM,
    "copy_memory": CopyMemory,
    "countdown": Countdown,
    "cycle_nav": CycleNav,
    "decimal_add": DecimalAdd,
    "digits": Digits,
    "first_symbol": FirstSymbol,
    "football": Football,
    "mod_arith": ModArith,
    "next_number": NextNumber,
    "noise": Noise,
    "parity": Parity,
    "random_walk": RandomWalk,
    "reber": Reber,
    "reverse": Reverse,
    "running_parity": RunningParity,
    "selective_copy": SelectiveCopy,
    "sunspots": Sunspots,
    "temporal_order": TemporalOrder,
    "topic": Topic,
    "waveform": Waveform,
}

__all__ = [
    "ARMA",
    "TASKS",
    "Adding",
    "Alphabet",
    "AnBn",
    "AnBnCn",
    "AssociativeRecall",
    "BinaryAdd",
    "BinaryAddSerial",
    "BouncingBall",
    "CharLM",
    "CopyMemory",
    "Countdown",
    "CycleNav",
    "DecimalAdd",
    "Digits",
    "FirstSymbol",
    "Football",
    "ModArith",
    "NextNumber",
    "Noise",
    "Parity",
    "RandomWalk",
    "Reber",
    "Reverse",
    "RunningParity",
    "SelectiveCopy",
    "Sunspots",
    "TemporalOrder",
    "Topic",
    "Waveform",
]
