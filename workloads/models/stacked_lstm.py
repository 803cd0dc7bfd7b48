"""A layer of LSTM cells of many trials at once, for `workloads.tasks.stacked_characters`.

PyTorch's own layer takes one trial's weights. Here the products of a time step are those of batches
of matrices, and what a cell does with them is one kernel on a GPU, the one of nn.LSTMCell; the
gradients of the weights are taken once for all time steps. A training step of 128 trials of
`war_and_peace_lstm` so takes a fraction of what torch.func.vmap of plain operations takes: docs/workloads.md.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

Stepped = tuple[Tensor, Tensor, Tensor]


def layer(
    inputs: Tensor,
    hidden: Tensor,
    cell: Tensor,
    input_weight: Tensor,
    hidden_weight: Tensor,
    bias: Tensor,
) -> Stepped:
    """What one layer of nn.LSTM computes with one bias, of each trial with its own weights.

    Under autocast all of it is in autocast's type, as PyTorch has it.

    Args:
        inputs: [trials, time, streams, inputs].
        hidden, cell: before the first time step, [trials, streams, hidden].
        input_weight, hidden_weight: [trials, 4·hidden, inputs] and [trials, 4·hidden, hidden],
            torch's gates: in, forget, cell, out.
        bias: [trials, 4·hidden].

    Returns:
        Outputs [trials, time, streams, hidden], and the hidden and cell state after the last time step.
    """
    trials, time, streams, _ = inputs.shape
    flat = inputs.reshape(trials, time * streams, -1)
    gates = torch.bmm(flat, input_weight.transpose(1, 2))
    gates = gates + bias.unsqueeze(1).to(gates.dtype)
    gates = gates.unflatten(1, (time, streams)).transpose(0, 1).contiguous()
    given = (each.to(gates.dtype) for each in (hidden, cell, hidden_weight))
    outputs, cell = _Layer.apply(gates, *given)
    return outputs.transpose(0, 1), outputs[-1], cell


class _Layer(torch.autograd.Function):
    """Gates of the inputs [time, trials, streams, 4·hidden] to outputs [time, trials, streams, hidden]."""

    @staticmethod
    def forward(
        ctx: Any, gates: Tensor, hidden: Tensor, cell: Tensor, weight: Tensor
    ) -> tuple[Tensor, Tensor]:
        across = weight.transpose(1, 2)
        hiddens, cells, opened = [hidden], [cell], []
        for of_inputs in gates:
            hidden, cell, after = _cell(of_inputs, torch.bmm(hidden, across), cell)
            hiddens.append(hidden)
            cells.append(cell)
            opened.append(after)
        ctx.opened = opened
        ctx.save_for_backward(torch.stack(hiddens[:-1]), weight, *cells)
        return torch.stack(hiddens[1:]), cell.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        of_outputs, d_cell = gradients
        before, weight, *cells = ctx.saved_tensors
        d_hidden, found = of_outputs[-1], []
        for time in reversed(range(len(ctx.opened))):
            d_gates, d_cell = _cell_backward(
                d_hidden, d_cell, cells[time], cells[time + 1], ctx.opened[time]
            )
            found.append(d_gates)
            if time:
                d_hidden = torch.baddbmm(of_outputs[time - 1], d_gates, weight)
        d_all = torch.stack(found[::-1])  # [time, trials, streams, 4·hidden]
        # [trials, 4·hidden, time·streams] times [trials, time·streams, hidden]
        d_weight = torch.bmm(
            d_all.permute(1, 3, 0, 2).flatten(2), before.transpose(0, 1).flatten(1, 2)
        )
        return d_all, torch.bmm(found[-1], weight), d_cell, d_weight


def _cell(of_inputs: Tensor, recurrent: Tensor, cell: Tensor) -> Stepped:
    """(hidden, cell, opened gates) after a time step; gates [trials, streams, 4·hidden]."""
    if of_inputs.is_cuda:
        flat = (each.flatten(0, 1) for each in (of_inputs, recurrent, cell))
        hidden, after, opened = torch.ops.aten._thnn_fused_lstm_cell(*flat)
        return hidden.view_as(cell), after.view_as(cell), opened
    i, f, g, o = (of_inputs + recurrent).chunk(4, dim=-1)
    opened = torch.cat([i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()], dim=-1)
    i, f, g, o = opened.chunk(4, dim=-1)
    cell = f * cell + i * g
    return o * cell.tanh(), cell, opened


def _cell_backward(
    d_hidden: Tensor, d_cell: Tensor, before: Tensor, after: Tensor, opened: Tensor
) -> tuple[Tensor, Tensor]:
    """The gradients of gates and of the cell before, from those of what `_cell` returned."""
    if after.is_cuda:
        flat = (each.flatten(0, 1) for each in (d_hidden, d_cell, before, after))
        d_gates, d_before, _ = torch.ops.aten._thnn_fused_lstm_cell_backward_impl(
            *flat, opened, False
        )
        return d_gates.view(*after.shape[:-1], -1), d_before.view_as(after)
    i, f, g, o = opened.chunk(4, dim=-1)
    curved = after.tanh()
    d_cell = d_cell + d_hidden * o * (1 - curved**2)
    d_gates = torch.cat(
        [
            d_cell * g * i * (1 - i),
            d_cell * before * f * (1 - f),
            d_cell * i * (1 - g**2),
            d_hidden * curved * o * (1 - o),
        ],
        dim=-1,
    )
    return d_gates, d_cell * f
