"""Many-to-many: an answer at every step, and a network that can go on by itself."""

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import torch
from torch import Tensor

from seqlearn.data import SequenceBatch, SequenceDataModule
from seqlearn.modules.base import SequenceModule
from seqlearn.modules.decoding import decode
from seqlearn.objectives import GREEDY, Categorical, Sampling
from seqlearn.states import State, batch_axes, map_state, require_state, step


class ManyToMany(SequenceModule):
    """Answer at every step.

    Args:
        stateful: Carry the state over from batch to batch, where a task's batches go on with each
            other's sequences: gradients reach back to the start of a batch, memories further
            (truncated backpropagation through time).

    Shapes:
        forward ``(B, T, F) -> (B, T, C)``, or ``(B, T) -> (B, T, C)`` for symbols.

    Source:
        Truncation: Williams & Peng 1990, doi:10.1162/neco.1990.2.4.490.
    """

    mapping: ClassVar[str] = "many-to-many"

    def __init__(self, *args: Any, stateful: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stateful = stateful
        if stateful or self.given:
            require_state(self.cell, self.input_size)
        self.carried: dict[str, State] = {"train": None, "eval": None}

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Read every state; steps beyond a length are padding, and what they give is not scored."""
        outputs: Tensor = self.head(self.states(x))
        return outputs

    def answer(self, batch: SequenceBatch, batch_idx: int) -> Tensor:
        """Answer at every step; if `stateful`, going on from the batch before."""
        if not self.stateful:
            return self(batch.inputs, batch.lengths)  # type: ignore[no-any-return]
        stage = "train" if self.training else "eval"
        if stage == "eval" and batch_idx == 0:
            self.carried[stage] = None
        states, state = self.cell(self.features(batch.inputs), self.carried[stage])
        self.carried[stage] = map_state(Tensor.detach, state)
        outputs: Tensor = self.head(states)
        return outputs

    def rollout(self, x: Tensor, steps: int, how: Sampling = GREEDY) -> Tensor:
        """Go on alone: read the beginning of sequences, then every answer as the next input.

        Args:
            x: ``(B, T, F)`` or ``(B, T)`` beginnings, at least one step.
            steps: Answers to give, the first of which follows the last step of ``x``.
            how: How an answer is chosen.

        Returns:
            ``(B, steps, C)`` outputs.

        Raises:
            ValueError: If inputs and outputs differ in size, so that none can stand for the other,
                or there is nothing to go on from or to give.
        """
        for name, size in (("steps of `x`", x.shape[1]), ("`steps`", steps)):
            if size < 1:
                raise ValueError(f"{name} must be at least 1, got {size}.")
        if self.input_size != self.output_size:
            raise ValueError(
                "to go on alone, a network's outputs must be of the size of its inputs, "
                f"{self.input_size}, got {self.output_size}."
            )
        features = self.features(x)
        state = self.cell(features[:, :-1])[1] if x.shape[1] > 1 else None
        return decode((self.cell, self.head, self.objective), features[:, -1], state, steps, how)

    def score(self, batch: SequenceBatch, batch_idx: int, loader: int) -> None:
        """Add to the metrics, at test also those of the answers given alone."""
        super().score(batch, batch_idx, loader)
        if self.trainer.testing and (alone := self.alone(batch)) is not None:
            self.tally(loader, alone, batch.targets[:, -alone.shape[1] :], "rollout_")

    def alone(self, batch: SequenceBatch) -> Tensor | None:
        """Go on alone after what a task gives of a test sequence, to its end."""
        if not self.given:
            return None
        return self.rollout(batch.inputs[:, : self.given], batch.inputs.shape[1] - self.given + 1)

    def generate(
        self,
        prompt: str,
        length: int,
        temperature: float = 1.0,
        top_k: int | None = None,
        seed: int | None = None,
    ) -> str:
        """Go on with a text, character by character.

        Args:
            prompt: The text to go on with.
            length: Characters to add.
            temperature: 0 always takes the most likely character; 1 draws them as likely as the
                network holds them to be; between, more safely.
            top_k: Draw from so many of the most likely characters only.
            seed: Makes the same text again; by default PyTorch's global generator is used.

        Returns:
            The ``length`` characters after the prompt.

        Raises:
            ValueError: If this is no network of characters, the prompt is empty or has a character
                that it does not know, or a number is out of range.
        """
        return "".join(self.stream(prompt, length, temperature, top_k, seed))

    def stream(
        self,
        prompt: str,
        length: int,
        temperature: float = 1.0,
        top_k: int | None = None,
        seed: int | None = None,
    ) -> Iterator[str]:
        """Do what `generate` does, and give each character as soon as it is there."""
        names_one = isinstance(self.objective, Categorical)
        if self.vocabulary is None or self.input_size != self.output_size or not names_one:
            raise ValueError("only a network that predicts the next character can generate text.")
        if not prompt:
            raise ValueError("`prompt` must have at least one character, got ''.")
        if unknown := [c for c in prompt if c not in self.vocabulary]:
            raise ValueError(
                f"`prompt` has {unknown[0]!r}, which the network does not know; "
                f"it knows {self.vocabulary!r}."
            )
        if length < 0:
            raise ValueError(f"`length` must be at least 0, got {length}.")
        if not 0 <= temperature < float("inf"):
            raise ValueError(f"`temperature` must be at least 0 and finite, got {temperature}.")
        if top_k is not None and top_k < 1:
            raise ValueError(f"`top_k` must be at least 1, got {top_k}.")
        if seed is not None and not 0 <= seed < 2**63:
            raise ValueError(f"`seed` must be from 0 to 2**63 - 1, got {seed}.")
        generator = None
        if seed is not None:
            generator = torch.Generator(self.device).manual_seed(seed)
        symbols = [self.vocabulary.index(c) for c in prompt]
        how = Sampling(temperature, top_k, generator)
        return self._stream(torch.tensor(symbols, device=self.device), length, how)

    @torch.inference_mode()
    def _stream(self, symbols: Tensor, length: int, how: Sampling) -> Iterator[str]:
        assert self.vocabulary is not None
        was_training = self.training
        self.eval()
        try:
            states, state = self.cell(self.features(symbols[None]))
            hidden = states[:, -1]
            for _ in range(length):
                symbol = self.objective.choose(self.head(hidden), how)  # (1,)
                yield self.vocabulary[int(symbol)]
                hidden, state = step(self.cell, self.features(symbol), state)
        finally:
            self.train(was_training)

    def check_task(self, data: SequenceDataModule) -> None:
        """Refuse a task of another mapping, or one whose batches do not go on with each other."""
        super().check_task(data)
        if self.stateful and data.lanes("train") is None:
            raise ValueError(
                f"`stateful` must be False for {type(data).__name__}, got True: "
                "its batches do not go on with each other's sequences."
            )

    def setup(self, stage: str) -> None:
        """Begin without a memory."""
        super().setup(stage)
        self.carried = {"train": None, "eval": None}

    def on_skipped_step(self) -> None:
        """Begin anew where the carried state is no longer finite."""
        self.carried["train"] = map_state(
            lambda state: state.where(state.isfinite(), 0), self.carried["train"]
        )

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the carried state of all devices, so that a resumed run goes on from it."""
        super().on_save_checkpoint(checkpoint)
        if self.stateful:
            checkpoint["carried"] = self._over_lanes(self._gathered, self.carried["train"])

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take the carried state up again, that of all devices for the time being."""
        super().on_load_checkpoint(checkpoint)
        self.carried["train"] = checkpoint.get("carried")

    def on_train_start(self) -> None:
        """Go on with this device's lanes of the carried state."""
        state = self._over_lanes(self._share, self.carried["train"])
        self.carried["train"] = map_state(lambda part: part.to(self.device), state)

    def _over_lanes(self, function: Callable[[Tensor, int], Tensor], state: State) -> State:
        """Apply a function to the tensors of a state, with the axis of the batch in each."""
        if state is None or self.trainer.world_size == 1:
            return state
        return map_state(function, state, batch_axes(self.cell, self.input_size))

    def _gathered(self, part: Tensor, axis: int) -> Tensor:
        parts = [torch.empty_like(part) for _ in range(self.trainer.world_size)]
        torch.distributed.all_gather(parts, part.contiguous())
        return torch.cat(parts, axis)

    def _share(self, whole: Tensor, axis: int) -> Tensor:
        return whole.chunk(self.trainer.world_size, axis)[self.trainer.global_rank].contiguous()
