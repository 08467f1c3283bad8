"""Clips of all kinds are painted as players show them, with their sound and length, or refused."""

import pytest
from support import player_table
from support.fuzzing import drawn


@pytest.mark.thorough
@pytest.mark.slow  # It starts hundreds of processes.
def test_clips_of_all_kinds_are_painted_as_players_show_them(tmp_path):
    names = [*player_table.PICTURES], [*player_table.SOUNDS]
    kinds = [drawn(*(each[at : at + 3] for at in range(0, len(each), 3))) for each in names]
    player_table.make(tmp_path, *kinds)
    rows = [player_table.row(each) for each in sorted(tmp_path.iterdir())]
    assert len(rows) > 20 and [text for text, right in rows if not right] == []
