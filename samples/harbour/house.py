"""The houses of the row, and what distinguishes one from another. Lengths in metres."""

from dataclasses import dataclass, field

from fields import Array, linear

from harbour.faces import Stuff

QUAY = 1.15  # height of the quay above the water
STOREY, GROUND = 2.55, 2.95  # heights of the storeys
BEHIND = -8.5  # z of the backs of the houses


@dataclass(frozen=True)
class House:
    """A house as it was planned."""

    width: float
    storeys: int  # above the ground floor
    gable: str  # "plain", "step" or "bell"; "" has its eaves over the street
    wall: Stuff
    roof: Array
    front: float = 0.0  # z of the front wall
    columns: int = 3  # of windows
    window: tuple[float, float] = (0.95, 1.45)
    panes: tuple[int, int] = (2, 3)
    frame: Array = field(default_factory=lambda: linear("e6e0d2"))
    shutters: Array | None = None
    door: Array = field(default_factory=lambda: linear("3d5a4a"))
    door_at: int = 1  # the column of windows where the door is
    shop: bool = False
    timbered: bool = False

    @property
    def eaves(self) -> float:
        """Height of the eaves above the water."""
        return QUAY + GROUND + STOREY * self.storeys + 0.25

    @property
    def rise(self) -> float:
        """Height of the ridge above the eaves."""
        return 0.575 * self.width if self.gable else 3.3


@dataclass(frozen=True)
class Opening:
    """A hole in a wall that faces the viewer, for a window or a door."""

    left: float
    low: float
    wide: float
    tall: float
    z: float  # of the wall

    @property
    def right(self) -> float:
        """x of its right side."""
        return self.left + self.wide

    @property
    def top(self) -> float:
        """Height of its upper side above the water."""
        return self.low + self.tall


def _wall(material: str, code: str) -> Stuff:
    return Stuff(material, linear(code))


RED, RUST = linear("a4553a"), linear("8a4632")
HOUSES = (
    House(5.6, 2, "bell", _wall("plaster", "b98a62"), RED, 0.2, shutters=linear("46604f")),
    House(
        *(5.0, 2, "step", _wall("brick", "935141"), RUST, -0.25, 2, (1.05, 1.6), (2, 4)),
        door=linear("2f4560"),
        door_at=0,
    ),
    House(
        *(6.3, 2, "", _wall("plaster", "d9c9a4"), RED),
        shutters=linear("5b7d8e"),
        door=linear("2a463d"),
        shop=True,
    ),
    House(
        *(5.2, 2, "plain", _wall("plaster", "ddd4c0"), RUST, -0.45, 3, (0.8, 1.25), (2, 2)),
        frame=linear("5b4234"),
        door=linear("63332a"),
        door_at=2,
        timbered=True,
    ),
    House(4.7, 3, "step", _wall("plaster", "a65a4c"), RED, 0.25, 2, (1.05, 1.5)),
    House(
        *(6.0, 1, "", _wall("brick", "9c6650"), RUST, -0.1, 3, (1.0, 1.4)),
        shutters=linear("d8d2c0"),
        door_at=0,
    ),
    House(
        *(5.0, 2, "bell", _wall("plaster", "8398a0"), RED, 0.3, 2, (1.05, 1.55)),
        door=linear("6f372c"),
        door_at=0,
    ),
    House(
        *(5.4, 2, "plain", _wall("boards", "c9b069"), RUST, -0.3, 3, (0.85, 1.3)),
        shutters=linear("66443a"),
    ),
)
