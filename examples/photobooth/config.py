"""The settings of the filter plugin, which photobooth-app shows."""

from pydantic_settings import SettingsConfigDict

from photobooth import CONFIG_PATH
from photobooth.services.config.baseconfig import BaseConfig


class PainterlyFilterConfig(BaseConfig):
    model_config = SettingsConfigDict(
        title="painterly", json_file=f"{CONFIG_PATH}plugin_painterly_filter.json"
    )

    address: str = "http://localhost:8080"
    token: str = ""
    size: int = 1280
    styles: list[str] = ["hokusai", "van-gogh-wheat-field", "munch"]  # noqa: RUF012
