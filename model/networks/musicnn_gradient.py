"""How a score changes with what musicnn heard: its gradient with respect to the spectrogram, on TensorFlow.

TensorFlow could do this by itself, but on a CPU its gradient of a convolution with a single input channel takes ten
times as long as the convolution. The five convolutions that look at the spectrogram are therefore taken back here:
one product of matrices each, and sums along diagonals. Everything after them is left to TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from model.networks.musicnn import BANDS, FRAMES, FRONT_LAYERS

if TYPE_CHECKING:
    import keras


def gradient_of(network: keras.Model) -> Callable[[Any, Mapping[str, Any]], Any]:
    """A function from (windows [batch, 187, 96], gradients by output) to the gradient by window [batch, 187, 96].

    network : as `build_musicnn` makes it; the function uses its weights as they are at each call.
    """
    import keras
    import tensorflow

    layers = [network.get_layer(name) for name in FRONT_LAYERS]
    front = keras.Model(network.input, [layer.output for layer in layers])
    rest = keras.Model([layer.output for layer in layers], network.output)

    def gradient(windows: Any, output_gradients: Mapping[str, Any]) -> Any:
        responses = front(windows, training=False)
        with tensorflow.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(responses)
            outputs = rest(responses, training=False)
        by_response = tape.gradient(outputs, responses, output_gradients=dict(output_gradients))
        image = 0.0
        for layer, response, changed in zip(layers, responses, by_response, strict=True):
            # The rectifier is part of the layer: where it gave zero nothing passes back.
            passed = tensorflow.where(response > 0.0, changed, 0.0)
            image += _back_through_convolution(tensorflow, passed, layer.kernel)
        norm = network.get_layer("input_norm")
        return image * norm.gamma / tensorflow.sqrt(norm.moving_variance + norm.epsilon)

    return gradient


def _back_through_convolution(tensorflow: Any, gradient: Any, kernel: Any) -> Any:
    """Gradient by response [batch, 187, positions, filters] -> gradient by spectrogram [batch, 187, 96].

    kernel : [frames, bands, 1, filters], padded in time as Keras's "same" does.
    """
    frames, bands, _, filters = kernel.shape
    positions = BANDS - bands + 1
    kernel = tensorflow.reshape(kernel, [frames * bands, filters])
    # The products are what each response gives to each cell that it saw. A cell lies at the response's position plus
    # its place in the kernel.
    if bands == 1:
        given = tensorflow.matmul(kernel, tensorflow.transpose(gradient, [0, 2, 3, 1]))
        by_band = _sum_diagonals(tensorflow, tensorflow.reshape(given, [-1, frames, FRAMES]))
        image = tensorflow.transpose(tensorflow.reshape(by_band, [-1, BANDS, FRAMES + frames - 1]), [0, 2, 1])
    else:
        given = tensorflow.matmul(tensorflow.reshape(gradient, [-1, filters]), kernel, transpose_b=True)
        given = tensorflow.reshape(given, [-1, FRAMES, positions, frames, bands])
        by_frame = tensorflow.add_n(
            [
                tensorflow.pad(given[:, :, :, place], [[0, 0], [place, frames - 1 - place], [0, 0], [0, 0]])
                for place in range(frames)
            ]
        )
        image = _sum_diagonals(tensorflow, tensorflow.reshape(by_frame, [-1, positions, bands]))
        image = tensorflow.reshape(image, [-1, FRAMES + frames - 1, BANDS])
    before = (frames - 1) // 2
    return image[:, before : before + FRAMES]


def _sum_diagonals(tensorflow: Any, values: Any) -> Any:
    """[n, rows, columns] -> [n, rows + columns - 1]: sums over row + column = 0, 1, 2 ..."""
    _, rows, columns = values.shape
    width = rows + columns
    # Padded to `width` and read again in rows one shorter, every row stands one further right than the row above.
    values = tensorflow.pad(values, [[0, 0], [0, 0], [0, rows]])
    values = tensorflow.reshape(values, [-1, rows * width])[:, : rows * (width - 1)]
    return tensorflow.reduce_sum(tensorflow.reshape(values, [-1, rows, width - 1]), axis=1)
