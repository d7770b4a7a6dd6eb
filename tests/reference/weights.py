"""A module with weights of many shapes, and rows for its steps."""

import torch
from torch import nn


class Weights(nn.Module):
    """Weights of many shapes, for steps of 6 features and 4 inputs."""

    def __init__(self):
        super().__init__()
        draw = torch.Generator().manual_seed(0)
        for name, shape in {
            "square": (6, 6),
            "other": (6, 6),
            "wide": (24, 6),
            "inputs": (6, 4),
            "groups": (2, 3, 3),
            "row": (6,),
            "one": (1,),
            "scalar": (),
            "block": (2, 3),
            "column": (2, 1),
        }.items():
            value = torch.randn(shape, generator=draw, dtype=torch.float64)
            self.register_parameter(name, nn.Parameter(value))
        self.alias = self.square.detach()
        self.register_buffer("mask", torch.randint(2, (6, 6), generator=draw).double())
        self.register_buffer("kept", torch.tensor([1, 0, 1, 1, 0, 1], dtype=torch.bool))
        self.register_buffer("count", torch.tensor(3))
        self.register_buffer("order", torch.tensor([5, 3, 0, 1, 2, 4]))
        self.linear = nn.Linear(6, 6).double()
        self.lstm = nn.LSTMCell(4, 6).double()
        self.gru = nn.GRUCell(4, 6).double()


def rows(features=6, seed=0):
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(5, features, generator=draw, dtype=torch.float64)
