"""The benchmark's document: what it says follows from what was measured."""

import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "bench"
GIB = 2**30


@pytest.fixture(scope="module")
def bench():
    """Its modules, imported the way they run: with their folder first on the path."""
    sys.path.insert(0, str(BENCH))
    try:
        import kernels
        import performance_document

        yield kernels, performance_document
    finally:
        sys.path.remove(str(BENCH))


def measured(*seconds, run=1, gib=1):
    return {"run": run, "seconds": list(seconds), "memory": gib * GIB, "at_rest": GIB // 2}


def results(**entries):
    at_512 = {"height": 341, "width": 512, "entries": entries}
    about = {"processor": "Zen 4 (AVX512_BF16)", "cores": "2", "TensorFlow": "2.21", "PyTorch": "2"}
    return {"machine": about, "sizes": {"512": at_512}}


def test_the_operations_of_a_small_step_are_counted_as_by_hand(bench):
    """16 × 16 px, on a canvas of 32 × 32: blocks of 1024, 256, 64 and 16 positions, the last one up
    to conv4_1; 36 for each pair of channels."""
    pairs = 1024 * (3 * 64 + 64 * 64) + 256 * (64 * 128 + 128 * 128)
    pairs += 64 * (128 * 256 + 3 * 256 * 256) + 16 * 256 * 512
    assert bench[0].step_operations(16, 16) == 36 * pairs


def test_vgg_alone_ends_where_the_engine_does(bench):
    from styletransfer.engine.losses import STYLE_LAYERS

    assert max(STYLE_LAYERS) == bench[0].DEEPEST


def test_a_picture_counts_as_padded(bench):
    from styletransfer.engine.canvas import Canvas

    height, width = Canvas.around((341, 512)).size
    assert bench[0].step_operations(341, 512) == bench[0].step_operations(height - 16, width - 16)


def test_ratios_are_medians_of_the_rounds_without_the_first(bench):
    # The quotients are 3, 5 and 4; those of medians would be 4.5 / 1.
    found = results(one=measured(90, 3, 5, 8), other=measured(1, 1, 1, 2))
    assert bench[1].ratio(found, 512, "one", "other") == 4


def test_there_is_no_ratio_between_runs(bench):
    found = results(one=measured(3, 3), other=measured(1, 1, run=2))
    assert bench[1].ratio(found, 512, "one", "other") is None


def test_the_document_has_times_memory_ratios_and_claims(bench):
    ours, plain = "this engine, bfloat16", "PyTorch, VGG alone, float32"
    found = results(**{ours: measured(9, 0.5), plain: measured(9, 1.75, gib=3)})
    skipped = {"run": 1, "seconds": [], "skipped": "not enough memory"}
    at_2048 = {ours: measured(9, 8, gib=4), plain: skipped}
    found["sizes"]["2048"] = {"height": 1365, "width": 2048, "entries": at_2048}
    text = bench[1].document(found, "plot.png")
    assert f"| {plain} | 1.75 | not enough memory |" in text
    assert f"| {ours} | 1.00 | 4.00 |" in text
    assert f"| {plain} | 3.50 | – |" in text
    assert f"a step of *{plain}* by that of *{ours}* at 512 px, at least 3 | 3.50 |" in text


def test_publishing_keeps_what_stands_outside_the_marks(bench, tmp_path):
    (tmp_path / "images").mkdir()
    page = tmp_path / "performance.md"
    page.write_text(f"# Performance\n{bench[1].BEGIN}{bench[1].END}Explained by hand.\n")
    found = results(**{"this engine, bfloat16": measured(9, 0.5)})
    bench[1].publish(found, tmp_path)
    found["machine"]["cores"] = "64"
    bench[1].publish(found, tmp_path)
    text = page.read_text()
    assert text.startswith("# Performance\n") and text.endswith("Explained by hand.\n")
    assert "64 cores" in text and "2 cores" not in text
    assert (tmp_path / "images" / "performance.png").read_bytes().startswith(b"\x89PNG")
