"""The networks that can be trained from scratch, by the names that bundles use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from model.front_ends.front_end import FrontEnd
from model.networks import crnn, dance_cnn, electronic_cnn, gap_cnn, musicnn, small, three_block_cnn

if TYPE_CHECKING:
    import keras

MOST_LABELS = 2_000


@dataclass(frozen=True)
class NetworkRecipe:
    """A network to be trained, and how it hears.

    title, citation : for people.
    front_end : its own; another may take its place if it gives windows of the same shape.
    embedding_size : of its output "embedding".
    exclusive : whether the labels it was made for exclude each other.
    build_model : see `build`.
    """

    name: str
    title: str
    citation: str
    front_end: FrontEnd
    embedding_size: int
    exclusive: bool
    build_model: Callable[[int, bool], keras.Model]

    def build(self, labels: int, exclusive: bool) -> keras.Model:
        """The untrained network; imports Keras.

        Returns a model from windows, float32 [batch, *front_end.window_shape], to a dict:
            scores     float32 [batch, labels]: logits, of a softmax where `exclusive`, else of a sigmoid each; so
                       train with a loss `from_logits=True`
            embedding  float32 [batch, embedding_size]: what the scores are made from

        Keras asks for a loss for every output: train `keras.Model(network.input, network.output["scores"])`, which
        shares the weights, or give "embedding" a loss of its own. After fewer than some eighty steps the averages of
        batch normalisation lag behind the weights, and the network is better in training than in use.

        All layers are named, so that weights have the same paths in every process.
        """
        if not 1 <= labels <= MOST_LABELS:
            raise ValueError(f"labels={labels} must be 1 .. {MOST_LABELS}")
        return self.build_model(labels, exclusive)

    @property
    def window_seconds(self) -> float:
        """Sound that one answer needs: so long does a live listener wait for the first."""
        return self.front_end.window_seconds


_CHOI = (
    "K. Choi, G. Fazekas, M. Sandler, K. Cho: Convolutional recurrent neural networks for music classification, "
    "ICASSP 2017, arXiv 1609.04243"
)
_SEED = "described in docs/models.md"

NETWORKS: Mapping[str, NetworkRecipe] = {
    recipe.name: recipe
    for recipe in (
        NetworkRecipe(
            small.NAME,
            "Small separable CNN",
            "after A. G. Howard et al.: MobileNets, 2017, arXiv 1704.04861",
            small.FRONT_END,
            small.EMBEDDING_SIZE,
            True,
            small.build,
        ),
        NetworkRecipe(
            musicnn.ARCHITECTURE,
            "musicnn, from scratch",
            "J. Pons, X. Serra: musicnn, ISMIR 2019 late-breaking demo, arXiv 1909.06654",
            musicnn.FRONT_END,
            musicnn.EMBEDDING_SIZE,
            False,
            musicnn.build,
        ),
        NetworkRecipe(
            dance_cnn.NAME,
            "Dance CNN",
            _SEED,
            dance_cnn.FRONT_END,
            dance_cnn.EMBEDDING_SIZE,
            True,
            dance_cnn.build,
        ),
        NetworkRecipe(
            electronic_cnn.NAME,
            "Electronic CNN, 29 s",
            _SEED,
            electronic_cnn.FRONT_END,
            electronic_cnn.EMBEDDING_SIZE,
            True,
            electronic_cnn.build,
        ),
        NetworkRecipe(crnn.NAME, "CRNN, 29 s", _CHOI, crnn.FRONT_END, crnn.EMBEDDING_SIZE, False, crnn.build),
        NetworkRecipe(
            three_block_cnn.NAME,
            "Three-block CNN on MFCC",
            _SEED,
            three_block_cnn.FRONT_END,
            three_block_cnn.EMBEDDING_SIZE,
            True,
            three_block_cnn.build,
        ),
        NetworkRecipe(
            gap_cnn.NAME,
            "Global-average-pooling CNN on MFCC, harmonic and percussive bands",
            _SEED,
            gap_cnn.FRONT_END,
            gap_cnn.EMBEDDING_SIZE,
            True,
            gap_cnn.build,
        ),
    )
}
