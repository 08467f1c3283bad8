"""Converts MediaPipe's networks of faces into the files of painterly/engine/faces, and writes what
their own runtime computes for a photo, which a test compares. Needs TensorFlow.

    python convert.py mediapipe-0.10.14-….whl
"""

import io
import json
import sys
import zipfile
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image
from tensorflow.lite.python import schema_py_generated as schema

ROOT = Path(__file__).parents[2]
NETWORKS = {
    "detector": "face_detection/face_detection_full_range_sparse",
    "mesh": "face_landmark/face_landmark",
}
# What the test's image is cut from, and where the face is: left, top, right, bottom in px.
PHOTO, REFERENCE = ROOT / "docs/images/portrait-photo.jpg", ROOT / "tests/engine/faces/runtime.npz"
KEPT = 40  # of the detector's 2304 places, those with the highest scores
ACTIVATIONS = {0: "", 1: "relu"}
KINDS = {0: "f4", 1: "f2", 2: "i4"}


class Network:
    """A network in TensorFlow Lite's format, and its layers in ours."""

    def __init__(self, data: bytes) -> None:
        model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))
        self.model, self.graph = model, model.subgraphs[0]
        self.runtime = tf.lite.Interpreter(
            model_content=data,
            experimental_preserve_all_tensors=True,
            experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        self.runtime.allocate_tensors()
        self.runtime.invoke()  # Computes the constants that are stored sparse or in float16.
        self.layers: list[list] = []
        self.arrays: dict[str, np.ndarray] = {}
        # The tensor in whose place another one is, and the px that its map was padded by.
        self.same: dict[int, int] = {int(self.graph.inputs[0]): 0}
        self.padding: dict[int, list[int]] = {}
        self.count = 0
        for operation in self.graph.operators:
            self.add(operation)
        self.outputs = [self.same[int(each)] for each in self.graph.outputs]

    def add(self, operation) -> None:
        code = self.model.operatorCodes[operation.opcodeIndex]
        number = max(code.builtinCode, code.deprecatedBuiltinCode)
        names = vars(schema.BuiltinOperator).items()
        name = next(key for key, value in names if value == number)
        first, *others = map(int, operation.inputs)
        result, options = int(operation.outputs[0]), operation.builtinOptions
        if name in ("DEQUANTIZE", "DENSIFY"):
            return
        if name == "PAD":
            self.pad(result, first, self.constant(others[0]))
        elif name in ("RESHAPE", "DEPTH_TO_SPACE"):  # Left to who reads the results.
            self.same[result] = self.same[first]
        elif name in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            self.convolution(name, result, first, others, options)
        elif name == "ADD":
            assert options.fusedActivationFunction in ACTIVATIONS
            inputs = sorted((self.same[each] for each in (first, *others)), key=self.channels)
            self.layer("add", result, inputs, options)
        elif name == "PRELU":
            self.layer("prelu", result, [self.same[first]], None, self.stored(self.constant(*others)))
        elif name == "MAX_POOL_2D":
            assert options.filterWidth == options.strideW == 2
            self.layer("pool", result, [self.same[first]])
        elif name == "RESIZE_BILINEAR":
            assert options.halfPixelCenters
            self.layer("double", result, [self.same[first]])
        else:
            raise SystemExit(f"{name} is not known here")

    def pad(self, result: int, first: int, amounts: np.ndarray) -> None:
        self.same[result] = self.same[first]
        if amounts[3].any():
            return  # Channels of zeros: `add` needs none.
        assert (amounts[1] == amounts[2]).all()
        self.padding[result] = amounts[1].tolist()

    def convolution(self, name: str, result: int, first: int, others: list[int], options) -> None:
        weights, bias = map(self.constant, others)
        weights = weights[0] if name.startswith("DEPTH") else weights.transpose(1, 2, 3, 0)
        padding = self.padding.get(first, [0, 0])
        if options.padding == schema.Padding.SAME:
            size, side = self.graph.tensors[first].shape[1], len(weights)
            most = max((-(-size // options.strideW) - 1) * options.strideW + side - size, 0)
            padding = [most // 2, most - most // 2]
        kind = "depthwise" if name.startswith("DEPTH") else "conv"
        arguments = self.stored(weights), self.stored(bias), int(options.strideW), padding
        self.layer(kind, result, [self.same[first]], options, *arguments)

    def layer(self, kind: str, result: int, inputs: list[int], options=None, *arguments) -> None:
        self.count += 1
        self.layers.append([kind, self.count, inputs, *arguments])
        self.width[self.count] = self.graph.tensors[result].shape[-1]
        if options is not None and ACTIVATIONS[options.fusedActivationFunction]:
            self.layers.append(["relu", self.count + 1, [self.count]])
            self.count += 1
            self.width[self.count] = self.width[self.count - 1]
        self.same[result] = self.count

    width: dict[int, int] = {0: 3}

    def channels(self, number: int) -> int:
        return int(self.width[number])

    def constant(self, number: int) -> np.ndarray:
        return self.runtime.get_tensor(number)

    def stored(self, array: np.ndarray) -> str:
        short = array.astype(np.float16)
        assert np.abs(short - array).max() <= 1e-3 * np.abs(array).max()
        key = str(len(self.arrays))
        self.arrays[key] = short.reshape(short.shape[-1:]) if short.ndim == 3 and short.shape[:2] == (1, 1) and False else short
        return key

    def write(self, path: Path) -> None:
        graph = {"layers": _with_few_maps(self.layers, self.outputs), "outputs": self.outputs}
        text = json.dumps(graph, separators=(",", ":"), default=int).encode()
        np.savez_compressed(path, layers=np.frombuffer(text, np.uint8), **self.arrays)


def _with_few_maps(layers: list[list], outputs: list[int]) -> list[list]:
    """Give the numbers of maps that are no longer needed to new ones; `outputs` is changed."""
    last = {each: number for number, layer in enumerate(layers) for each in layer[2]}
    last |= dict.fromkeys(outputs, len(layers))
    names, free, renamed = {0: 0}, [], []
    for number, (kind, result, inputs, *rest) in enumerate(layers):
        sources = [names[each] for each in inputs]
        names[result] = free.pop() if free else max(names.values()) + 1
        free += [names[each] for each in set(inputs) if last[each] == number]
        renamed.append([kind, names[result], sources, *rest])
    outputs[:] = [names[each] for each in outputs]
    return renamed


def main(wheel: str) -> None:
    reference = {}
    photo = Image.open(PHOTO).convert("RGB")
    side = min(photo.size)
    image = np.asarray(photo.crop((0, 0, side, side)).resize((192, 192), Image.Resampling.BOX), np.float32)
    reference["image"] = np.frombuffer(_jpeg(image), np.uint8)
    image = np.asarray(Image.open(io.BytesIO(_jpeg(image))), np.float32)
    for name, path in NETWORKS.items():
        data = zipfile.ZipFile(wheel).read(f"mediapipe/modules/{path}.tflite")
        network = Network(data)
        network.write(ROOT / f"painterly/engine/faces/{name}.npz")
        runtime = network.runtime
        scaled = image / 127.5 - 1 if name == "detector" else image / 255
        runtime.set_tensor(runtime.get_input_details()[0]["index"], scaled[None])
        runtime.invoke()
        found = [runtime.get_tensor(int(each))[0] for each in network.graph.outputs]
        for number, array in enumerate(found):
            print(name, number, array.shape, array.min(), array.max())
        if name == "detector":
            boxes, scores = found
            best = np.sort(np.argsort(-scores[:, 0])[:KEPT])
            reference |= {"places": best, "boxes": boxes[best], "scores": scores[best, 0]}
        else:
            reference |= {"landmarks": found[0].ravel(), "trust": found[1].ravel()}
    np.savez_compressed(REFERENCE, **reference)


def _jpeg(image: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image.astype(np.uint8)).save(file, "JPEG", quality=90)
    return file.getvalue()


if __name__ == "__main__":
    main(sys.argv[1])
