"""DeepOBS's character LSTM (`tolstoi_char_rnn`; Schneider et al., arXiv:1903.05499)."""

from __future__ import annotations

import contextlib
import math
import warnings

import torch
import torch.nn.functional as F
from torch import _VF, Tensor, nn

# On a GPU: they are compacted at every call, as the trainer keeps all parameters in one vector.
warnings.filterwarnings("ignore", message="RNN module weights are not part of single contiguous")
# Of oneDNN's flags: restoring them sets one that is Intel's GPUs'.
warnings.filterwarnings("ignore", message="TF32 acceleration on top of oneDNN")

State = tuple[Tensor, Tensor]
"""(hidden, cell), each [layers, streams, hidden_size]."""


class CharLSTM(nn.Module):
    """Embedding, stacked LSTM and a linear layer: the next character of every stream.

    With a vocabulary of 83, hidden size 128 and 2 layers: 284,499 trainable parameters.

    The original is in TensorFlow 1. What is kept of it, and how:
      - Its cell has one bias, initially zero, and adds forget_bias = 1 to the forget gate. nn.LSTM
        has two biases: `bias_ih` is that one, `bias_hh` is the constant forget bias and not
        trained.
      - `tf.get_variable` draws everything Glorot-uniform, an LSTM kernel as one matrix
        [inputs + hidden, 4·hidden], and the softmax bias too.
      - A DropoutWrapper around *each* cell drops inputs and outputs with the same probability p.
        Between two layers two masks multiply, and their product is one mask that drops
        1 - (1-p)² (0.36 for p = 0.2), scaled alike: nn.LSTM's own dropout, with that value.
    """

    def __init__(self, vocabulary: int, hidden_size: int, layers: int, dropout: float) -> None:
        super().__init__()
        between_layers = 1 - (1 - dropout) ** 2 if layers > 1 else 0.0
        self.embedding = nn.Embedding(vocabulary, hidden_size)
        self.dropout = nn.Dropout(dropout)
        # Time-major. oneDNN's LSTM takes 40 ms a training step (50 x 50 characters, one thread)
        # against 70 for torch's own cells, and 23 against 590 in bfloat16.
        self.lstm = nn.LSTM(hidden_size, hidden_size, layers, dropout=between_layers)
        self.linear = nn.Linear(hidden_size, vocabulary)
        self._initialise()

    def _initialise(self) -> None:
        hidden_size = self.lstm.hidden_size
        kernel_bound = math.sqrt(6 / (hidden_size + hidden_size + 4 * hidden_size))
        forget = slice(hidden_size, 2 * hidden_size)  # torch's gate order: in, forget, cell, out
        for name, parameter in self.lstm.named_parameters():
            if name.startswith("weight"):
                nn.init.uniform_(parameter, -kernel_bound, kernel_bound)
            else:
                nn.init.zeros_(parameter)
            if name.startswith("bias_hh"):
                parameter.requires_grad_(False)[forget] = 1.0
        nn.init.xavier_uniform_(self.embedding.weight)
        nn.init.xavier_uniform_(self.linear.weight)
        bias_bound = math.sqrt(6 / (2 * self.linear.out_features))
        nn.init.uniform_(self.linear.bias, -bias_bound, bias_bound)

    def forward(self, characters: Tensor, state: State | None) -> tuple[Tensor, State]:
        """Logits [time, streams, vocabulary] and the last state, from ids [time, streams].

        A state of None is zero.
        """
        inputs = self.dropout(self.embedding(characters))
        if inputs.is_cuda:
            outputs, state = self._by_layer(inputs, state)
        else:
            with _own_cells_if_needed():
                outputs, state = self.lstm(inputs, state)
        return self.linear(self.dropout(outputs)), state

    def _by_layer(self, inputs: Tensor, state: State | None) -> tuple[Tensor, State]:
        """What `lstm` computes, its dropout drawn from torch's own generator.

        Inside cuDNN's call it comes from a state of cuDNN's own, which no checkpoint holds: a
        resumed trial would differ.
        """
        lstm = self.lstm
        zeros = inputs.new_zeros(lstm.num_layers, inputs.shape[1], lstm.hidden_size)
        hidden, cell = state or (zeros, zeros)
        ended = []
        for layer, weights in enumerate(lstm.all_weights):
            if layer:
                inputs = F.dropout(inputs, lstm.dropout, self.training)
            before = hidden[layer : layer + 1], cell[layer : layer + 1]
            inputs, *after = _VF.lstm(
                inputs, before, [*weights], True, 1, 0.0, self.training, False, False
            )
            ended.append(after)
        hidden, cell = (torch.cat(parts) for parts in zip(*ended, strict=True))
        return inputs, (hidden, cell)


def detached(state: State) -> State:
    hidden, cell = state
    return hidden.detach(), cell.detach()


def _own_cells_if_needed() -> contextlib.AbstractContextManager[None]:
    """Torch's own cells, slow as they are, where oneDNN has none: in bfloat16 on a processor without AVX-512."""
    in_bfloat16 = torch.is_autocast_enabled("cpu") and torch.backends.mkldnn.is_available()
    if not in_bfloat16 or torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return contextlib.nullcontext()
    return torch.backends.mkldnn.flags(enabled=False, allow_tf32=False)
