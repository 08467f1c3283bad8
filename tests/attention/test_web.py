"""Preset master, which needs a GPU and weights with a licence."""

from attention.hub import place as place_files
from support.web_service import send

from painterly.attention.diffusion import licence, sources


def test_master_is_offered_with_its_licence_where_a_gpu_and_its_weights_are(web, small_files):
    order = {"style": "monet", "preset": "master"}

    def offered(device):
        web.service.supervisor.device = device
        page = web.get("/").text
        shown = 'value="master"' in page
        assert (licence.URL in page) == shown
        assert (send(web, order).status_code == 202) == shown
        return shown

    assert not offered("NVIDIA L4, 22.0 GiB")
    place_files(sources.CACHE, small_files)
    assert offered("NVIDIA L4, 22.0 GiB")
    assert not offered("the CPU, 2 cores, float32")
    refusal = send(web, order).json()["detail"]
    assert refusal == "preset master needs a GPU, and weights: docs/recipe.md"
    assert not offered(None)  # It is not known yet.
