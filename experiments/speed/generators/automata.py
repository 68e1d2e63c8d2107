"""The tasks whose memory is the state of an automaton, and the digits."""

from collections.abc import Iterator
from random import Random

from experiments.speed.generators.sample import Sample

from seqlearn.splits import UNSCORED
from seqlearn.tasks import CycleNav, Digits, ModArith, Parity, RunningParity
from seqlearn.tasks.cycle_nav import MOVES
from seqlearn.tasks.digits import load
from seqlearn.tasks.mod_arith import OPERATORS


def cycle_nav(data: CycleNav, chance: Random) -> Iterator[Sample]:
    while True:
        place, moves = 0, []
        for _ in range(length(data.moves, chance)):
            move = chance.randrange(len(MOVES))
            place = (place + MOVES[move]) % data.places
            moves.append(move)
        yield moves + [0] * (data.moves - len(moves)), place, len(moves)


def digits(data: Digits, chance: Random) -> Iterator[Sample]:
    """Of the images that are trained on."""
    images, answers = (part.tolist() for part in load())
    numbers = data.dataset("train").members.tolist()
    width = data.input_size
    while True:
        number = chance.choice(numbers)
        image = images[number]
        steps = [image[start : start + width] for start in range(0, len(image), width)]
        yield steps, answers[number], len(steps)


def mod_arith(data: ModArith, chance: Random) -> Iterator[Sample]:
    longest = 2 * data.numbers - 1
    while True:
        tokens = [chance.randrange(data.modulus)]
        total, term = 0, tokens[0]
        for _ in range(length(data.numbers, chance) - 1):
            operator, digit = chance.choice(OPERATORS), chance.randrange(data.modulus)
            if operator == "*":
                term = term * digit % data.modulus
            else:
                total += term
                term = digit if operator == "+" else -digit
            tokens += [data.modulus + OPERATORS.index(operator), digit]
        padding = [0] * (longest - len(tokens))
        yield tokens + padding, (total + term) % data.modulus, len(tokens)


def parity(data: Parity, chance: Random) -> Iterator[Sample]:
    for inputs, parities, count in running_parity(data, chance):
        yield inputs, parities[count - 1], count


def running_parity(data: Parity | RunningParity, chance: Random) -> Iterator[Sample]:
    while True:
        odd, inputs, parities = 0, [], []
        for _ in range(length(data.bits, chance)):
            bit = chance.randrange(2)
            odd ^= bit
            inputs.append(bit)
            parities.append([odd])
        missing = data.bits - len(inputs)
        yield inputs + [0] * missing, parities + [[UNSCORED]] * missing, len(inputs)


def length(longest: int, chance: Random) -> int:
    """Draw a length, mostly a short one."""
    return int((longest + 1) ** chance.random())
