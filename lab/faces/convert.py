"""Converts MediaPipe's networks of faces into the files of painterly/engine/faces, and stores what
TensorFlow Lite computes by them for a photo, which a test compares with.

    python lab/faces/convert.py mediapipe-0.10.14-….whl

`pip download --no-deps mediapipe==0.10.14` gets the wheel.
"""

import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image
from tensorflow.lite.python import schema_py_generated as schema

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "tests/engine/faces/runtime.npz"
NETWORKS = {
    "detector": "face_detection/face_detection_full_range_sparse",
    "mesh": "face_landmark/face_landmark",
}
PHOTO = ROOT / "docs/images/portrait-photo.jpg"
SEEN = 130, 20, 322, 212  # the part of it that the networks see: left, top, right, bottom in px
KEPT = 40  # places of the detector with the highest scores, of 2304


class Network:
    """A network in TensorFlow Lite's format.

    Attributes:
        runtime: Computes the network.
        layers: Its layers, as painterly/engine/faces/networks.py reads them.
        arrays: What these name.
        outputs: The numbers of the maps that it ends with.
    """

    def __init__(self, data: bytes) -> None:
        model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))
        self._codes, self._graph = model.operatorCodes, model.subgraphs[0]
        self.runtime = tf.lite.Interpreter(
            model_content=data,
            experimental_preserve_all_tensors=True,
            experimental_op_resolver_type=(
                tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
            ),
        )
        self.runtime.allocate_tensors()
        self.runtime.invoke()  # Computes the constants that are stored sparse or in float16.
        self.layers: list[list[Any]] = []
        self.arrays: dict[str, Any] = {}
        # The number of each tensor's map here, and each tensor's padding in px.
        self._maps = {int(self._graph.inputs[0]): 0}
        self._channels, self._padding = {0: 3}, dict[int, list[int]]()
        for operation in self._graph.operators:
            self._add(operation)
        self.outputs = [self._maps[int(each)] for each in self._graph.outputs]

    def _add(self, operation: Any) -> None:
        code = self._codes[operation.opcodeIndex]
        number = max(code.builtinCode, code.deprecatedBuiltinCode)
        name = next(name for name, one in vars(schema.BuiltinOperator).items() if one == number)
        first, *others = map(int, operation.inputs)
        result, options = int(operation.outputs[0]), operation.builtinOptions
        match name:
            case "DEQUANTIZE" | "DENSIFY":
                pass  # Constants, which the runtime has computed.
            case "RESHAPE" | "DEPTH_TO_SPACE":
                self._maps[result] = self._maps[first]  # Left to who reads the outputs.
            case "PAD":
                self._maps[result] = self._maps[first]
                rows, columns, channels = self._constant(others[0])[1:].tolist()
                if not any(channels):  # `add` needs no channels of zeros.
                    assert rows == columns
                    self._padding[result] = rows
            case "CONV_2D" | "DEPTHWISE_CONV_2D":
                self._convolution(name == "CONV_2D", result, first, others, options)
            case "ADD":
                maps = (self._maps[each] for each in (first, *others))
                self._layer("add", result, sorted(maps, key=self._channels.__getitem__))
                self._activation(result, options)
            case "PRELU":
                slopes = self._stored(self._constant(others[0])[0, 0])
                self._layer("prelu", result, [self._maps[first]], slopes)
            case "MAX_POOL_2D":
                assert options.filterWidth == options.strideW == 2
                self._layer("pool", result, [self._maps[first]])
            case "RESIZE_BILINEAR":
                assert options.halfPixelCenters
                self._layer("double", result, [self._maps[first]])
            case _:
                raise SystemExit(f"there is no layer for {name}")

    def _convolution(
        self, dense: bool, result: int, first: int, others: list[int], options: Any
    ) -> None:
        weights, bias = map(self._constant, others)
        weights = weights.transpose(1, 2, 3, 0) if dense else weights[0]
        stride, side, padding = int(options.strideW), len(weights), self._padding.get(first, [0, 0])
        if options.padding == schema.Padding.SAME:
            length = int(self._graph.tensors[first].shape[1])
            more = max((-(-length // stride) - 1) * stride + side - length, 0)
            padding = [more // 2, more - more // 2]
        arguments = self._stored(weights), self._stored(bias), stride, padding
        kind = "conv" if dense else "depthwise"
        self._layer(kind, result, [self._maps[first]], *arguments)
        self._activation(result, options)

    def _activation(self, result: int, options: Any) -> None:
        match options.fusedActivationFunction:
            case schema.ActivationFunctionType.NONE:
                pass
            case schema.ActivationFunctionType.RELU:
                self._layer("relu", result, [self._maps[result]])
            case other:
                raise SystemExit(f"there is no layer for activation {other}")

    def _layer(self, kind: str, result: int, inputs: list[int], *arguments: Any) -> None:
        number = len(self.layers) + 1
        self.layers.append([kind, number, inputs, *arguments])
        self._maps[result] = number
        self._channels[number] = int(self._graph.tensors[result].shape[-1])

    def _constant(self, number: int) -> np.ndarray:
        array: np.ndarray = self.runtime.get_tensor(number)
        return array

    def _stored(self, array: np.ndarray) -> str:
        key = str(len(self.arrays))
        self.arrays[key] = array.astype(np.float16)
        return key

    def computed(self, image: np.ndarray) -> list[np.ndarray]:
        """Compute the outputs for an image [192, 192, 3] by TensorFlow Lite."""
        self.runtime.set_tensor(self.runtime.get_input_details()[0]["index"], image[None])
        self.runtime.invoke()
        return [self._constant(int(each))[0] for each in self._graph.outputs]

    def write(self, path: Path) -> None:
        """Write the network's file."""
        layers, outputs = _with_few_maps(self.layers, self.outputs)
        text = json.dumps({"layers": layers, "outputs": outputs}, separators=(",", ":"))
        np.savez_compressed(path, layers=np.frombuffer(text.encode(), np.uint8), **self.arrays)


def _with_few_maps(layers: list[list[Any]], outputs: list[int]) -> tuple[list[Any], list[int]]:
    """Give the numbers of maps that are no longer needed to later ones, so that they are freed."""
    last = {each: number for number, layer in enumerate(layers) for each in layer[2]}
    last |= dict.fromkeys(outputs, len(layers))
    names, renamed = {0: 0}, list[Any]()
    free: list[int] = []
    for number, (kind, result, inputs, *arguments) in enumerate(layers):
        sources = [names[each] for each in inputs]
        names[result] = free.pop() if free else max(names.values()) + 1
        free += [names[each] for each in set(inputs) if last[each] == number]
        renamed.append([kind, names[result], sources, *arguments])
    return renamed, [names[each] for each in outputs]


def main(wheel: str) -> None:
    """Convert the networks in MediaPipe's wheel."""
    image = np.asarray(Image.open(PHOTO).convert("RGB").crop(SEEN), np.float32)
    found = {}
    for name, path in NETWORKS.items():
        network = Network(zipfile.ZipFile(wheel).read(f"mediapipe/modules/{path}.tflite"))
        network.write(ROOT / f"painterly/engine/faces/{name}.npz")
        found[name] = network.computed(image / 127.5 - 1 if name == "detector" else image / 255)
    boxes, scores = found["detector"]
    places = np.argsort(-scores[:, 0])[:KEPT]
    landmarks, trust = (each.ravel() for each in found["mesh"])
    np.savez_compressed(
        REFERENCE,
        places=places,
        boxes=boxes[places],
        scores=scores[places],
        landmarks=landmarks,
        trust=trust,
    )


if __name__ == "__main__":
    main(sys.argv[1])
