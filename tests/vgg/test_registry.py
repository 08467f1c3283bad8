"""The table of architectures against Keras and against files of the published form."""

import ast
from importlib.util import find_spec
from pathlib import Path

import h5py
from support import fabricated

from styletransfer.vgg.registry import ARCHITECTURES


def test_a_fabricated_file_has_the_published_form(tmp_path):
    for model, architecture in ARCHITECTURES.items():
        published = architecture.published
        path = fabricated.save_h5(tmp_path / f"{model}.h5", fabricated.weights(model))
        assert abs(path.stat().st_size - published.size) < 4096
        with h5py.File(path) as file:
            assert file["block1_conv1"]["block1_conv1_W_1:0"].shape == (3, 3, 3, 64)
            assert file["block5_conv3"]["block5_conv3_b_1:0"].shape == (512,)
            assert list(file.attrs["layer_names"][:3]) == [
                b"input_1",
                b"block1_conv1",
                b"block1_conv2",
            ]


def test_the_published_files_are_those_of_the_installed_keras():
    for model, architecture in ARCHITECTURES.items():
        published = architecture.published
        source = Path(find_spec("keras").origin).parent / f"src/applications/{model}.py"
        tree = ast.parse(source.read_text())
        (url,) = (
            ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign)
            and ast.unparse(node.targets[0]) == "WEIGHTS_PATH_NO_TOP"
        )
        (md5,) = (
            ast.literal_eval(keyword.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and any(getattr(each, "id", "") == "WEIGHTS_PATH_NO_TOP" for each in node.args)
            for keyword in node.keywords
            if keyword.arg == "file_hash"
        )
        assert (published.url, published.md5) == (url, md5)
