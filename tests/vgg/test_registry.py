"""The table of architectures against Keras."""

import ast
from importlib.util import find_spec
from pathlib import Path

from styletransfer.vgg.registry import ARCHITECTURES


def test_the_published_files_are_those_of_the_installed_keras():
    for model, architecture in ARCHITECTURES.items():
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
        assert (architecture.url, architecture.md5) == (url, md5)
