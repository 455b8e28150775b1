"""Batch normalisation by TensorFlow's fused operation: the same numbers as Keras's, in less time.

Keras 3 composes it of a dozen operations, each of which passes over all values. Importing this module imports neither
Keras nor TensorFlow.

Reference: S. Ioffe and C. Szegedy, "Batch normalization: accelerating deep network training by reducing internal
covariate shift", ICML 2015, arXiv 1502.03167.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras


def batch_normalization(name: str, *, axis: int, momentum: float) -> keras.layers.BatchNormalization:
    """A layer for [batch, ..., channels], or with the channels at `axis`."""
    return _layer_class()(axis=axis, momentum=momentum, name=name)


@cache
def _layer_class() -> type[keras.layers.BatchNormalization]:
    import keras

    class FusedBatchNormalization(keras.layers.BatchNormalization):
        def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
            last = self.axis in (-1, len(inputs.shape) - 1)
            if keras.backend.backend() != "tensorflow" or not last or not 3 <= len(inputs.shape) <= 4:
                return super().call(inputs, training=training, mask=mask)
            outputs = self._fused(inputs, bool(training) and self.trainable)
            return keras.ops.cast(outputs, self.compute_dtype)

        def _fused(self, inputs: Any, training: bool) -> Any:
            import tensorflow

            # In single precision whatever the precision of the rest, as Keras does.
            values = tensorflow.cast(inputs, tensorflow.float32)
            spread = tensorflow.expand_dims(values, 1) if len(values.shape) == 3 else values
            learned = {"x": spread, "scale": self.gamma, "offset": self.beta, "epsilon": self.epsilon}
            if training:
                spread, mean, variance = tensorflow.compat.v1.nn.fused_batch_norm(**learned, is_training=True)
                # It gives the variance of the whole from which the batch is a sample; Keras keeps that of the batch.
                count = tensorflow.cast(tensorflow.size(values) / tensorflow.size(mean), tensorflow.float32)
                variance *= (count - 1.0) / count
                for kept, found in ((self.moving_mean, mean), (self.moving_variance, variance)):
                    kept.assign(kept * self.momentum + found * (1.0 - self.momentum))
            else:
                spread, *_ = tensorflow.compat.v1.nn.fused_batch_norm(
                    **learned, mean=self.moving_mean, variance=self.moving_variance, is_training=False
                )
            return tensorflow.reshape(spread, tensorflow.shape(values))

    return FusedBatchNormalization
