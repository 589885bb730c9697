"""The forward pass of a Llama-architecture network in numpy (Touvron et al., arXiv 2302.13971).

Shapes: B sequences, P positions at once, T positions in the cache, H heads of width D, E = H * D.

Products are stacked, one per sequence, never one matrix over all rows of the batch: a BLAS kernel
rounds a row by where it stands in the matrix, and then a completion would depend on its neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.base.documents import load_json

Array = NDArray[np.float32]
MASKED = np.float32(-1e9)


@dataclass
class Layer:
    """Weights of one block, each transposed once so that `x @ w` needs no copy."""

    norm_in: Array
    norm_mid: Array
    qkv: Array
    out: Array
    gate_up: Array
    down: Array


class Network:
    """A read-only network; the caller holds the cache that `step` reads and extends."""

    def __init__(self, folder: Path) -> None:
        from safetensors.numpy import load_file

        config = load_json((folder / "config.json").read_text("utf-8"))
        weights = {k: v.astype(np.float32) for k, v in load_file(folder / "model.safetensors").items()}
        self.heads = int(config["num_attention_heads"])
        rope = config.get("rope_parameters") or config
        plain = config["model_type"] == "llama" and config["hidden_act"] == "silu"
        if not plain or rope.get("rope_type", "default") != "default" or config.get("attention_bias"):
            raise ValueError(f"{folder} is not a plain Llama checkpoint")
        if int(config.get("num_key_value_heads", self.heads)) != self.heads:
            raise ValueError(f"{folder}: grouped key-value heads are not supported")
        self.width = int(config["hidden_size"])
        self.head_width = self.width // self.heads
        self.context = int(config["max_position_embeddings"])
        self.epsilon = np.float32(config["rms_norm_eps"])
        self.embedding = weights["model.embed_tokens.weight"]
        self.norm_out = weights["model.norm.weight"]
        self.unembedding = np.ascontiguousarray(weights.get("lm_head.weight", self.embedding).T)
        self.layers = []
        for number in range(int(config["num_hidden_layers"])):
            part = f"model.layers.{number}."
            attention, mlp = part + "self_attn.", part + "mlp."
            self.layers.append(
                Layer(
                    weights[part + "input_layernorm.weight"],
                    weights[part + "post_attention_layernorm.weight"],
                    _joined(weights, attention, ("q_proj", "k_proj", "v_proj")),
                    _joined(weights, attention, ("o_proj",)),
                    _joined(weights, mlp, ("gate_proj", "up_proj")),
                    _joined(weights, mlp, ("down_proj",)),
                )
            )
        theta = float(rope.get("rope_theta", 10000.0))
        speeds = theta ** -(np.arange(0, self.head_width, 2, dtype=np.float64) / self.head_width)
        angles = np.arange(self.context)[:, None] * np.concatenate([speeds, speeds])[None, :]
        self.cos, self.sin = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)

    def cache(self, batch: int, length: int) -> tuple[Array, Array]:
        """Empty keys and values, each (layers, B, H, T, D)."""
        shape = (len(self.layers), batch, self.heads, length, self.head_width)
        return np.zeros(shape, np.float32), np.zeros(shape, np.float32)

    def prefill(self, ids: NDArray[np.int64]) -> tuple[Array, Array, Array]:
        """Hidden states (P, E) of one whole sequence, and its keys and values (layers, H, P, D).

        One sequence at a time: its attention stays in the processor's cache, nothing is padded, and
        no other sequence can change how its sums are rounded.
        """
        length = len(ids)
        mask = np.triu(np.full((length, length), MASKED, np.float32), 1)
        positions = np.arange(length)[None, None, :]
        shape = (len(self.layers), self.heads, length, self.head_width)
        keys, values = np.empty(shape, np.float32), np.empty(shape, np.float32)
        hidden = self.embedding[ids][None]
        for number, layer in enumerate(self.layers):
            query, key, value = self._project(layer, hidden)
            query, key = self._rotate(query, positions), self._rotate(key, positions)
            keys[number], values[number] = key[0], value[0]
            mixed = self._attend(query, keys[None, number], values[None, number], mask)
            hidden = self._block(layer, hidden, mixed)
        return self._norm(hidden[0], self.norm_out), keys, values

    def step(self, ids: NDArray[np.int64], positions: NDArray[np.int64], cache: tuple[Array, Array]) -> Array:
        """Logits (B, V) after one more token in each sequence, at its own position."""
        return self.logits(self.advance(ids, positions, cache, np.full(len(ids), cache[0].shape[3])))

    def advance(
        self,
        ids: NDArray[np.int64],
        positions: NDArray[np.int64],
        cache: tuple[Array, Array],
        reach: NDArray[np.int64],
    ) -> Array:
        """Hidden states (B, E) after one more token in each sequence, at its own position.

        `reach` (B,) is how many places of the cache each sequence looks at, more than its position; it is
        faster where equal ones stand side by side. Sums are rounded by it, and by nothing else of the batch.
        """
        rows = np.arange(len(ids))
        parts = _equal_runs(reach)
        masks = [np.arange(places)[None, :] > positions[part, None] for part, places in parts]
        masked = [np.where(later, MASKED, np.float32(0))[:, None, None, :] for later in masks]
        hidden = self.embedding[ids][:, None, :]
        for number, layer in enumerate(self.layers):
            query, key, value = self._project(layer, hidden)
            at = positions[:, None, None]
            query, key = self._rotate(query, at), self._rotate(key, at)
            keys, values = cache[0][number], cache[1][number]
            keys[rows, :, positions] = key[:, :, 0]
            values[rows, :, positions] = value[:, :, 0]
            mixed = [
                self._attend(query[part], keys[part, :, :places], values[part, :, :places], mask)
                for (part, places), mask in zip(parts, masked, strict=True)
            ]
            hidden = self._block(layer, hidden, mixed[0] if len(mixed) == 1 else np.concatenate(mixed))
        return self._norm(hidden[:, 0], self.norm_out)

    def logits(self, hidden: Array) -> Array:
        """Scores (B, V) over the vocabulary, from normalised hidden states (B, E)."""
        return np.asarray((hidden[:, None, :] @ self.unembedding)[:, 0])

    def _project(self, layer: Layer, hidden: Array) -> tuple[Array, Array, Array]:
        batch, length, _ = hidden.shape
        joined = self._norm(hidden, layer.norm_in) @ layer.qkv
        split = joined.reshape(batch, length, 3, self.heads, self.head_width)
        query, key, value = split.transpose(2, 0, 3, 1, 4)
        return query, key, value

    def _attend(self, query: Array, key: Array, value: Array, mask: Array) -> Array:
        """Mixed values (B, P, E)."""
        scores = query @ key.transpose(0, 1, 3, 2) * np.float32(self.head_width**-0.5) + mask
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        scores /= scores.sum(-1, keepdims=True)
        mixed = (scores @ value).transpose(0, 2, 1, 3)
        return np.asarray(mixed.reshape(len(query), query.shape[2], self.width))

    def _block(self, layer: Layer, hidden: Array, mixed: Array) -> Array:
        hidden = hidden + mixed @ layer.out
        joined = self._norm(hidden, layer.norm_mid) @ layer.gate_up
        gate, up = np.split(joined, 2, axis=-1)
        with np.errstate(over="ignore"):
            gate = gate / (1 + np.exp(-gate))
        return np.asarray(hidden + (gate * up) @ layer.down)

    def _norm(self, hidden: Array, weight: Array) -> Array:
        power = np.mean(hidden * hidden, axis=-1, keepdims=True)
        return np.asarray(weight * (hidden / np.sqrt(power + self.epsilon)))

    def _rotate(self, x: Array, positions: NDArray[np.int64]) -> Array:
        half = self.head_width // 2
        turned = np.concatenate([-x[..., half:], x[..., :half]], axis=-1)
        return np.asarray(x * self.cos[positions] + turned * self.sin[positions])


def _joined(weights: dict[str, Array], part: str, names: tuple[str, ...]) -> Array:
    rows = np.concatenate([weights[f"{part}{name}.weight"] for name in names])
    return np.ascontiguousarray(rows.T)


def _equal_runs(numbers: NDArray[np.int64]) -> list[tuple[slice, int]]:
    """Each run of equal numbers: where it is, and the number."""
    starts = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(numbers)]
    return [(slice(a, b), int(numbers[a])) for a, b in zip(starts, starts[1:], strict=False)]
