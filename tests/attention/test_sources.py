"""Stable Diffusion 1.5's files: fetched from a hub that fails, and found in folders."""

import os
from types import SimpleNamespace

import pytest
from attention.hub import place
from support.failures import weights_error

from painterly.attention.diffusion import licence, sources
from painterly.attention.diffusion.sources import FILES, HUB, checked_files, fetch, identity
from painterly.vgg.download import partial_path

UNET, VAE, TEXT = (file.path for file in FILES.values())


@pytest.fixture
def accepting_hub(diffusion_hub):
    """A hub, and the licence accepted."""
    licence.accept(sources.CACHE)
    return diffusion_hub


def fetched():
    return {
        str(path.relative_to(sources.CACHE)): path.read_bytes()
        for path in sources.CACHE.rglob("*.safetensors")
    }


def test_the_published_files_are_named_by_their_revision_bytes_and_sums():
    assert HUB.endswith("/resolve/451f4fe16113bff5a5d2269ed5ad43b0592e9a14")
    assert sum(file.size for file in FILES.values()) == 2_132_605_510
    assert identity().startswith("sha256:c8390825") and identity().endswith("718dc9ef4e")


def test_nothing_is_fetched_before_the_licence_is_accepted(diffusion_hub):
    message = weights_error(fetch, diffusion_hub.url)
    assert "CreativeML OpenRAIL-M" in message and licence.URL in message
    assert "set ACCEPT_OPENRAIL_M=true" in message and diffusion_hub.asked == []
    licence.accept(sources.CACHE)
    fetch(diffusion_hub.url)
    assert fetched() == diffusion_hub.contents
    note = (sources.CACHE / licence.ACCEPTED).read_text()
    assert licence.URL in note and "medical advice" in note


def test_a_download_goes_on_where_it_was_cut_and_says_how_far_it_is(accepting_hub):
    accepting_hub.cuts, accepting_hub.redirects, seen = [30_000, 1, 9], True, []
    fetch(f"{accepting_hub.url}/", lambda here, total: seen.append((here, total)))
    assert fetched() == accepting_hub.contents
    starts = [start for path, start in accepting_hub.asked if path == f"elsewhere/{UNET}"]
    assert starts == [0, 30_000, 30_001, 30_010]
    assert seen == sorted(seen) and seen[-1] == (300_000, 300_000)
    asked = len(accepting_hub.asked)
    fetch(accepting_hub.url)
    assert len(accepting_hub.asked) == asked


def test_a_later_run_goes_on_with_what_an_earlier_one_has(accepting_hub):
    accepting_hub.cuts = [40_000, 0, 0, 0, 0, 0]
    message = weights_error(fetch, accepting_hub.url)
    assert f"{UNET} cannot be fetched (the connection ended after 40,000 bytes)" in message
    assert "40.0 kB are here, and the same command continues" in message
    assert fetched() == {}
    accepting_hub.cuts = []
    fetch(accepting_hub.url)
    assert fetched() == accepting_hub.contents
    assert accepting_hub.asked[-3] == (UNET, 40_000)


@pytest.mark.parametrize("ranges", [False, True])
def test_a_server_that_cannot_go_on_starts_again(accepting_hub, ranges):
    """Without ranges, or because what is here is longer than its file ever was."""
    accepting_hub.ranges = ranges
    part = partial_path(sources.CACHE / UNET)
    place(sources.CACHE, {str(part.relative_to(sources.CACHE)): b"x" * 50_000})
    if ranges:
        accepting_hub.contents = {UNET: accepting_hub.contents[UNET][:40_000]}
        message = weights_error(fetch, accepting_hub.url)
        assert "has 40,000 bytes, expected 100,000: it was cut" in message
    else:
        fetch(accepting_hub.url)
        assert fetched() == accepting_hub.contents


def test_a_wrong_file_is_named_and_not_kept(accepting_hub):
    right = accepting_hub.contents[VAE]
    for wrong, said in [
        (right + b"x", "has 100,001 bytes, expected 100,000: it is another file"),
        (b"<html>", "has 6 bytes, expected 100,000: it was cut"),
        (b"x" + right[1:], f"its SHA-256 is .*, expected {FILES['autoencoder'].sha256}"),
    ]:
        accepting_hub.contents[VAE] = wrong
        with pytest.raises(sources.WeightsError, match=f"http://.*{VAE} .*{said}"):
            fetch(accepting_hub.url)
        assert [*fetched()] == [UNET]
    accepting_hub.contents[VAE] = right
    fetch(accepting_hub.url)
    assert fetched() == accepting_hub.contents


def test_what_cannot_be_fetched_names_the_ways_out(accepting_hub):
    del accepting_hub.contents[TEXT]
    message = weights_error(fetch, accepting_hub.url)
    assert f"{TEXT} cannot be fetched (HTTP Error 404" in message
    assert "ATTENTION_MIRROR" in message and f"or put that file into {sources.CACHE}" in message
    assert len(accepting_hub.asked) == 3  # Another attempt would not help.


def test_too_little_room_is_known_before(accepting_hub, monkeypatch):
    monkeypatch.setattr(sources.shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    message = weights_error(fetch, accepting_hub.url)
    assert "need 0.3 MB" in message and "1.0 kB are free; make room there" in message
    assert accepting_hub.asked == []


def test_files_that_were_put_there_by_hand_are_not_fetched(accepting_hub, small_files):
    place(sources.CACHE, {path: small_files[path] for path in (UNET, VAE)})
    fetch(accepting_hub.url)
    assert [path for path, _ in accepting_hub.asked] == [TEXT]


def test_files_in_a_folder_are_checked_by_content_once(small_files, tmp_path, monkeypatch):
    folder = tmp_path / "mine"
    message = weights_error(checked_files, folder)
    assert f"{folder / UNET} is missing; ./start.sh weights attention fetches them" in message
    assert "licence CreativeML OpenRAIL-M" in message and "ATTENTION_WEIGHTS" in message
    place(folder, small_files)
    (folder / TEXT).write_bytes(small_files[TEXT][1:])
    assert "has 99,999 bytes, expected 100,000: it was cut" in weights_error(checked_files, folder)
    other = b"x" + small_files[TEXT][1:]
    (folder / TEXT).write_bytes(other)
    assert f"{folder / TEXT} is damaged or another file" in weights_error(checked_files, folder)
    place(folder, small_files)
    assert checked_files(folder)["text_encoder"] == folder / TEXT
    with monkeypatch.context() as unread:
        unread.setattr(sources, "_sha256", None)
        assert [*checked_files(folder)] == ["unet", "autoencoder", "text_encoder"]
    (folder / TEXT).write_bytes(other)
    os.utime(folder / TEXT, (1, 1))
    assert "is damaged or another file" in weights_error(checked_files, folder)


@pytest.mark.slow
def test_files_in_a_bucket_are_copied_and_checked(rgw, small_files):
    bucket = rgw.open()
    for path, content in small_files.items():
        bucket.write(f"models/sd15/{path}", content)
    licence.accept(sources.CACHE)

    def download(path, target):
        bucket.download(f"models/sd15/{path}", target)

    bucket.write(f"models/sd15/{VAE}", b"x" * 100_000)
    assert "damaged or another file" in weights_error(sources.copy, download)
    bucket.write(f"models/sd15/{VAE}", small_files[VAE])
    (sources.CACHE / VAE).unlink()
    sources.copy(download)
    assert fetched() == small_files
