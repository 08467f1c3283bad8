"""Which worker gets which task, and what becomes of those that were lost."""

import random
from types import SimpleNamespace

from styletransfer.cluster.assignments import UNDER_WAY, Assignments


def tasks(count):
    return [SimpleNamespace(record_key=str(number)) for number in range(count)]


def taken(assignments, worker):
    found = []
    while attempt := assignments.take(worker):
        found.append(attempt.task.record_key)
    return found


def joined(count, *workers):
    whole = tasks(count)
    assignments = Assignments(whole)
    for worker in workers:
        assignments.join(worker)
    return whole, assignments


def test_many_photos_are_a_few_pending_tasks_of_each_worker():
    _, assignments = joined(50_000, "a", "b")
    assert len(taken(assignments, "a")) == len(taken(assignments, "b")) == UNDER_WAY
    assert assignments.left == 50_000


def test_what_a_lost_node_had_is_painted_first_and_by_any_worker():
    _, assignments = joined(20, "a", "b")
    lost = taken(assignments, "a")
    assert assignments.lose("a", with_node=True) == []
    attempt = assignments.take("b")
    assert attempt.task.record_key in lost and attempt.lost_before
    assert {attempt.task.record_key, *taken(assignments, "b")} == {*lost}


def test_suspects_come_last_and_alone():
    _, assignments = joined(7, "a", "b")
    suspects = taken(assignments, "a")
    assignments.lose("a", with_node=False)
    others = [each.task for _ in range(9) if (each := assignments.take("b"))]
    assert [each.record_key for each in others] == ["4", "5", "6"]
    for each in others:
        assignments.end("b", each)
    attempt = assignments.take("b")
    assert attempt.task.record_key == suspects[0] and attempt.lost_before
    assert assignments.take("b") is None


def test_a_suspect_that_is_given_back_is_not_tried_with_others():
    _, assignments = joined(8, "a", "b")
    lost = taken(assignments, "a")
    assignments.lose("a", with_node=False)
    others = [assignments.take("b").task for _ in range(4)]
    for each in others:
        assignments.end("b", each)
    assert taken(assignments, "b") == lost[:1]
    assignments.leave("b")
    assignments.join("c")
    assert taken(assignments, "c") == lost[:1]


def test_where_workers_die_all_the_time_no_photo_is_to_blame():
    """Of three workers, one dies at a third of what it begins."""
    rng = random.Random(1)
    whole, assignments = joined(400, "a", "b", "c")
    failed, painted = [], 0
    while assignments.left:
        for worker in "abc":
            if attempt := assignments.take(worker):
                if rng.random() < 1 / 3:
                    failed += assignments.lose(worker, with_node=False)
                    assignments.join(worker)
                else:
                    assignments.end(worker, attempt.task)
                    painted += 1
    assert failed == [] and painted == len(whole)


def test_of_several_photos_that_kill_their_workers_each_fails_after_two():
    poison = {"7", "100", "333"}
    _, assignments = joined(400, "a", "b", "c")
    failed, deaths = [], 0
    while assignments.left:
        for worker in "abc":
            attempts = [each for _ in range(9) if (each := assignments.take(worker))]
            if {each.task.record_key for each in attempts} & poison:
                deaths += 1
                failed += assignments.lose(worker, with_node=False)
                assignments.join(worker)
                continue
            for each in attempts:
                assignments.end(worker, each.task)
    assert {task.record_key for task, _ in failed} == poison
    assert deaths == 6


def test_nodes_that_go_are_no_photos_fault_until_five_of_them_have():
    _, assignments = joined(1, "w0")
    for number in range(5):
        assert taken(assignments, f"w{number}") == ["0"]
        failed = assignments.lose(f"w{number}", with_node=True)
        assert bool(failed) == (number == 4)
        assignments.join(f"w{number + 1}")


def test_a_worker_with_a_problem_of_its_own_gives_its_tasks_back():
    _, assignments = joined(8, "a", "b")
    first = taken(assignments, "a")
    assignments.leave("a")
    assert taken(assignments, "b") == first
    assignments.join("c")
    assert [assignments.take("c").lost_before for _ in range(2)] == [False, False]
