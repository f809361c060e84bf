"""A double DQN: the network, its target, and one training step."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ding_buffer.cli.environments import EnvShape
from ding_buffer.cli.run_config import LearnSettings
from ding_buffer.core.payload_column import PayloadColumn
from ding_buffer.learners.collate import stack_payloads

# Keeps an item whose error happens to be 0 within reach of the sampler.
_LEAST_PRIORITY = 1e-3
TRAINED_ON = ("obs", "action", "reward", "next_obs", "done", "value_gamma", "priority_IS")
"""The fields of a transition that training looks at, where it has them; the buffer need not hold others."""


class DqnPolicy:
    """Learns Q values with a second, slowly following network (van Hasselt et al. 2016).

    The online network chooses the next action and the target network values it. Draws its initial weights
    from torch's own generator.
    """

    def __init__(self, shape: EnvShape, hidden: Sequence[int], learn: LearnSettings) -> None:
        self._learn = learn
        self.online = _network(shape, hidden)
        self.target = copy.deepcopy(self.online).requires_grad_(False)
        self._optimizer = torch.optim.Adam(self.online.parameters(), lr=learn.lr)
        self._gammas = learn.discount_factor ** torch.arange(learn.nstep, dtype=torch.float32)

    def greedy(self, observations: NDArray[np.float32]) -> NDArray[np.int64]:
        """Returns the best action for each row of (B, observation)."""
        with torch.no_grad():
            actions: NDArray[np.int64] = self.online(torch.from_numpy(observations)).argmax(dim=1).numpy()
        return actions

    def set_progress(self, done: float) -> None:
        """Sets the learning rate: ``lr`` where ``done`` is 0, ``lr_end`` where it is 1, a line between."""
        rate = self._learn.lr + (self._learn.lr_end - self._learn.lr) * min(max(done, 0.0), 1.0)
        for group in self._optimizer.param_groups:
            group["lr"] = rate

    def forward(self, batch: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Takes one training step on n-step transitions, each error weighted by its ``priority_IS``.

        Returns ``total_loss`` and ``priority``, (B,): the absolute errors of before the step.
        """
        data = _stacked(batch)
        chosen = self.online(data["obs"]).gather(1, data["action"].unsqueeze(1)).squeeze(1)
        errors = chosen - self._targets(data)
        losses = nn.functional.huber_loss(errors, torch.zeros_like(errors), reduction="none")
        # 1 where the buffer has no prioritised replay.
        weights = data["priority_IS"].squeeze(1) if "priority_IS" in data else torch.ones_like(losses)
        loss = (weights * losses).mean()
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it without annotations
        nn.utils.clip_grad_norm_(self.online.parameters(), self._learn.max_grad_norm)
        self._optimizer.step()
        self._follow()
        return {"total_loss": loss.item(), "priority": errors.detach().abs().numpy() + _LEAST_PRIORITY}

    def _targets(self, data: Mapping[str, Any]) -> torch.Tensor:
        with torch.no_grad():
            best = self.online(data["next_obs"]).argmax(dim=1, keepdim=True)
            value = self.target(data["next_obs"]).gather(1, best).squeeze(1)
            rewards = data["reward"] @ self._gammas
            going_on = 1.0 - data["done"].float()
            targets: torch.Tensor = rewards + data["value_gamma"].squeeze(1) * going_on * value
        return targets

    def _follow(self) -> None:
        with torch.no_grad():
            for slow, fast in zip(self.target.parameters(), self.online.parameters(), strict=True):
                slow.lerp_(fast, self._learn.target_rate)

    def weights(self) -> dict[str, torch.Tensor]:
        """Returns a copy of the online network's weights."""
        return {name: tensor.clone() for name, tensor in self.online.state_dict().items()}

    def state_dict(self) -> dict[str, Any]:
        """Returns both networks and the optimiser, shared with the policy."""
        return {
            "online": self.online.state_dict(),
            "target": self.target.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes back what ``state_dict`` returned."""
        self.online.load_state_dict(state["online"])
        self.target.load_state_dict(state["target"])
        # Adam would go on in the very tensors it is given.
        self._optimizer.load_state_dict(copy.deepcopy(dict(state["optimizer"])))


def _network(shape: EnvShape, hidden: Sequence[int]) -> nn.Sequential:
    widths = [shape.observation, *hidden]
    layers: list[nn.Module] = []
    for inward, outward in pairwise(widths):
        layers += [nn.Linear(inward, outward), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(widths[-1], shape.actions))


def _stacked(batch: Sequence[Any]) -> Mapping[str, torch.Tensor]:
    """Returns what is trained on, one tensor for each field."""
    if isinstance(batch, PayloadColumn):
        columns: Mapping[str, torch.Tensor] = stack_payloads(batch, tensors=True)
        return columns
    names = [name for name in TRAINED_ON if name in batch[0]]
    stacked: Mapping[str, torch.Tensor] = stack_payloads(
        [{name: payload[name] for name in names} for payload in batch], tensors=True
    )
    return stacked
