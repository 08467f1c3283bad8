"""What the page knows: rules of photos, orders, jobs, notices and choices, without its views."""

import pytest
from support.web_page import staged

pytestmark = pytest.mark.slow  # A browser starts.


@pytest.fixture
def run(page, place):
    """A function that runs statements with the page's state as `s`, and returns a value."""
    with staged(place) as server:
        page.look(f"{server.address}/static/signals.js")  # None of its views is loaded.
        page.driver.execute_script("window.state = import('/static/state.js')")

        def run(script):
            return page.driver.execute_script(f"const s = await window.state; {script}")

        yield run


TWO = """
const beach = s.addPhoto({ name: "beach.jpg", file: {} });
const town = s.addPhoto({ name: "town.jpg", file: {} });
const order = (photo, style, key) => ({ photo: photo.id, from: null, request: { style }, key });
const states = () => s.orders.value.map(({ key, state }) => `${key} ${state}`);
"""


def test_an_order_waits_is_refused_or_is_accepted_once(run):
    assert run(f"""{TWO}
        s.addOrders([order(beach, "mosaic", "a"), order(town, "mosaic", "b")]);
        s.addOrders([order(town, "mosaic", "c")]);
        const first = states();
        s.refuseOrders(({{ key }}) => key === "a");
        s.keepJob({{ id: "1", state: "queued", place: 1, created: "1" }});
        s.acceptOrder("b", "1");
        const keys = s.addOrders([order(beach, "mosaic", "d"), order(town, "mosaic", "e")]);
        return [first, keys, states(), s.sent.value];
    """) == [
        ["a waiting", "b waiting"],
        ["a", "b"],  # With the same keys.
        ["a waiting", "b accepted"],
        {"at": 1, "whole": 1},
    ]


@pytest.mark.parametrize("lost", ["{ ...job, state: 'failed' }", "{ ...job, state: 'cancelled' }"])
def test_a_picture_that_is_lost_can_be_ordered_again(run, lost):
    assert run(f"""{TWO}
        const job = {{ id: "1", state: "done", created: "1" }};
        s.keepJob(job);
        s.addOrders([order(town, "mosaic", "a")]);
        s.acceptOrder("a", "1");
        const before = s.addOrders([order(town, "mosaic", "b")]);
        s.keepJob({lost});
        return [before, s.addOrders([order(town, "mosaic", "c")])];
    """) == [["a"], ["c"]]


def test_orders_go_with_their_photo_and_with_another_mask_it_is_another_order(run):
    assert run(f"""{TWO}
        s.addOrders([order(beach, "mosaic", "a"), order(town, "mosaic", "b")]);
        s.addOrders(["c", "d"].map((key) => ({{ ...order(town, "mosaic", key), mask: "data:" }})));
        s.dropPhotos([beach.id]);
        return [states(), s.photo.value.name];
    """) == [["b waiting", "c waiting"], "town.jpg"]


def test_an_act_takes_back_only_its_own_words(run):
    assert run("""
        s.refuse("photo 1", "one.jpg is damaged."); s.refuse("photo 2", "two.jpg is damaged.");
        s.refuse("photo 1");
        const left = [...s.notices.value.values()].flat();
        s.clearNotices();
        return [left, s.notices.value.size];
    """) == [["two.jpg is damaged."], 0]


def test_a_deleted_job_is_never_on_the_stage_and_the_queue_is_in_its_order(run):
    assert run("""
        s.keepJob({ id: "1", state: "queued", place: 2, created: "1" });
        s.keepJob({ id: "2", state: "queued", place: 1, created: "2" });
        const queue = s.activeJobs.value.map(({ id }) => id);
        s.showJob("2");
        s.dropJobs(["2"]);
        return [queue, s.shownJob.value ?? null];
    """) == [["2", "1"], None]


STYLES = """
const style = (name) => ({ id: name, order: { style: name }, shares: { [name]: 1 }, settings: {} });
s.styles.value = ["mosaic", "rings", "waves"].map(style);
const names = () => s.chosen.value.map(({ id }) => id).join();
"""


def test_until_the_user_chooses_the_style_that_suits_the_photo_is_chosen(run):
    assert run(f"""{STYLES}
        s.sampleStyle.value = "rings";
        const said = [names()];
        const {{ id }} = s.addPhoto({{ name: "sea.jpg" }});
        s.changePhoto(id, {{ suits: {{ subject: "sea", styles: ["waves"] }} }});
        said.push(names(), s.wall.value[0].id);
        s.choose({{ ids: ["mosaic"] }});
        said.push(names());
        s.taken.value = new Set(["mosaic"]);
        said.push(names());
        s.chooseAgain();
        return [...said, names()];
    """) == ["rings", "waves", "waves", "mosaic", "waves", "waves"]


def test_the_steps_of_one_gesture_are_taken_back_at_once(run):
    assert run("""
        s.choose({ changes: { strength: 0.2 } });
        for (const strength of [0.3, 0.4]) s.choose({ changes: { strength } }, "a slider");
        s.endGesture();
        s.choose({ changes: { strength: 0.5 } }, "a slider");
        const said = [];
        while (s.chooseAgain()) said.push(s.choice.value.changes.strength ?? null);
        return said;
    """) == [0.4, 0.2, None]
