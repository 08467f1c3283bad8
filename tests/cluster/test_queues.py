"""The order in which workers get orders, also orders of lost workers."""

from dataclasses import replace

from painterly import Settings
from painterly.cluster.queues import Queues
from painterly.images.output import OutputFormat
from painterly.orders.order import PlannedOrder
from painterly.orders.styles import Style
from painterly.storage.base import Entry
from painterly.vgg.sources import WeightsSource


def queues_of(count):
    style, weights = Style("monet", (), Settings()), WeightsSource("builtin", "md5:a")
    orders = [
        PlannedOrder(
            Entry(str(number), 9, "e"), None, style, weights, OutputFormat(None), result=""
        )
        for number in range(count)
    ]
    return orders, Queues(orders)


def after_a_loss(orders):
    """The orders as a lost worker leaves them, with a checkpoint."""
    return [replace(each, may_resume=True) for each in orders]


def taken(queues, under_way=()):
    """Gives a worker with these orders as many as it takes, and returns all of them."""
    found = [*under_way]
    while (order := queues.take(found)) is not None:
        found.append(order)
    return found


def test_suspects_come_last_and_alone_also_if_they_are_given_back():
    orders, queues = queues_of(7)
    suspects = taken(queues)
    queues.lose(suspects, with_node=False)
    others = taken(queues)
    assert others == orders[4:] and queues.take(others) is None
    for _ in range(2):
        alone = taken(queues)
        assert alone == after_a_loss(suspects[:1])
        queues.give_back(alone)


def test_of_several_photos_that_kill_their_workers_each_fails_alone():
    poison = {"7", "100", "333"}
    _, queues = queues_of(400)
    failed, deaths, workers = [], 0, [[], [], []]
    while queues.left:
        for worker in workers:
            worker[:] = taken(queues, worker)
            if {each.photo.key for each in worker} & poison:
                deaths += 1
                failed += queues.lose(worker, with_node=False)
            else:
                for _ in worker:
                    queues.end()
            worker.clear()
    assert {order.photo.key for order, _ in failed} == poison
    assert deaths == 9  # Each once among others, and twice alone.


def test_nodes_that_go_are_no_photos_fault_until_five_of_them_have():
    orders, queues = queues_of(1)
    for number in range(5):
        assert taken(queues) == (after_a_loss(orders) if number else orders)
        failed = queues.lose(orders, with_node=True)
        assert bool(failed) == (number == 4)
    assert queues.left == 0
