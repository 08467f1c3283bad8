"""An easel: a place on a device, where one picture at a time is painted."""

from collections.abc import Callable

from painterly.bench.reading import Inputs, StyleInput
from painterly.configuration.config import Config
from painterly.devices.budget import Limits, MemoryBudget
from painterly.devices.device import HOST, Device
from painterly.engine.paintings import Paintings
from painterly.engine.stylize import prepared
from painterly.engine.transfer import PhotoMemory, Transfer, TransferInputs
from painterly.errors import MemoryShortError
from painterly.orders.network_pool import Networks
from painterly.orders.order import Order
from painterly.orders.styles import Style
from painterly.settings.settings import Settings


class Easel:
    """A place on a device, for one picture at a time.

    It keeps the paintings of the last style, since the next order most likely has the same one, and
    what is computed from the last photo alone.
    """

    def __init__(
        self,
        device: Device,
        set_aside: int = 0,
        make_room: Callable[[], None] | None = None,
        batch_left: Callable[[float, float], float] | None = None,
    ) -> None:
        """Set it up.

        Args:
            device: The device.
            set_aside: The bytes that painting must leave free.
            make_room: Waits until others have freed the memory that they can. Raises
                UnavailableError, Stopped.
            batch_left: Returns the seconds left for the whole batch, from the seconds that a
                picture has taken and will still take.
        """
        self.device, self.batch_left = device, batch_left
        self._set_aside, self._make_room = set_aside, make_room
        self._photo = PhotoMemory()
        self._style: Style | None = None
        self._paintings: Paintings | None = None

    def device_for(self, settings: Settings) -> Device:
        """Return the device that paints with these settings: recipe instant takes the CPU."""
        return self.device if settings.traits.optimises else HOST

    def begin(
        self,
        order: Order,
        inputs: Inputs,
        networks: Networks,
        config: Config,
        budget: MemoryBudget | None = None,
    ) -> Transfer:
        """Plan the memory of a painting, and return it before its first step.

        Args:
            order: The order.
            inputs: Its photo and style.
            networks: Its networks.
            config: The configuration.
            budget: The memory that it may take; by default, what is free, and what others free.

        Raises:
            MemoryShortError: There is too little memory, even if others free theirs.
            PictureError: The masks leave nothing to paint.
        """
        photo, settings = inputs.photo, order.style.settings
        device = self.device_for(settings)
        painted = TransferInputs(
            photo.picture.pixels_int,
            self._paintings_of(order.style, inputs.style),
            settings,
            photo.mask,
            photo.color_mask,
            photo.start,
            self._photo.of(photo.picture.pixels_int),
        )

        def within(budget: MemoryBudget) -> Transfer:
            if beside := order.bytes_beside(*photo.picture.size):
                budget = budget.with_more_in_use(beside)
            return prepared(painted, networks.vgg, budget)

        if budget is not None:
            return within(budget)
        try:
            return within(device.budget(Limits(config.memory_limit, self._set_aside)))
        except MemoryShortError:
            # The cause may be pictures that were read in advance or wait to be stored.
            painted.styles.measured.clear()
            if self._make_room:
                self._make_room()
            return within(device.budget(Limits(config.memory_limit)))

    def _paintings_of(self, style: Style, inputs: StyleInput) -> Paintings:
        if self._paintings is None or self._style != style:
            self._style, self._paintings = style, Paintings(*inputs)
        return self._paintings
