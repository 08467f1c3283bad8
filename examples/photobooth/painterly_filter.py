"""A filter plugin for photobooth-app: photos of the booth in painterly's styles."""

import io

import requests
from PIL import Image

from photobooth.plugins import hookimpl
from photobooth.plugins.base_plugin import BaseFilter

from .config import PainterlyFilterConfig


class PainterlyFilter(BaseFilter[PainterlyFilterConfig]):
    def __init__(self) -> None:
        super().__init__()
        self._config: PainterlyFilterConfig = PainterlyFilterConfig()

    @hookimpl
    def mp_avail_filter(self) -> list[str]:
        return [self.unify(style) for style in self._config.styles]

    @hookimpl
    def mp_userselectable_filter(self) -> list[str]:
        return [self.unify(style) for style in self._config.styles]

    @hookimpl
    def mp_filter_pipeline_step(
        self, image: Image.Image, plugin_filter: str, preview: bool
    ) -> Image.Image | None:
        style = self.deunify(plugin_filter)
        if not style:
            return None
        photo = io.BytesIO()
        image.convert("RGB").save(photo, "JPEG", quality=95)
        size = min(320 if preview else self._config.size, max(image.size))
        answer = requests.post(
            f"{self._config.address}/api/paint",
            headers={"Authorization": f"Bearer {self._config.token}"},
            files={"photo": ("photo.jpg", photo.getvalue())},
            data={"style": style, "size": size},
            timeout=90,
        )
        answer.raise_for_status()
        return Image.open(io.BytesIO(answer.content)).convert(image.mode)
