"""Programs that paint, fork and paint again: gunicorn --preload, Celery, multiprocessing."""

import os

import pytest
from support.commands import python

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork"),
]
BEGIN = """
import multiprocessing, os, sys, threading
from PIL import Image
import painterly
photo = Image.radial_gradient("L").resize((96, 64)).convert("RGB")
def paint(size, preset="instant"):
    return painterly.paint(photo, "hokusai", preset=preset, size=size).size
def ends(child):
    child.start()
    child.join(90)
    if child.exitcode is None:
        child.kill()
        sys.exit("it hangs")
    return child.exitcode
fork = multiprocessing.get_context("fork")
"""


def printed(program: str) -> list[str]:
    done = python("-c", BEGIN + program)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout.splitlines()


@pytest.mark.thorough
def test_forks_of_a_process_that_has_painted_paint_and_so_does_it():
    program = """
print(paint(64))
with fork.Pool(2) as pool:
    print(pool.map_async(paint, [48, 64, 80]).get(90))
print(paint(64))
"""
    assert printed(program) == ["(64, 43)", "[(48, 32), (64, 43), (80, 53)]", "(64, 43)"]


@pytest.mark.thorough
def test_a_process_that_is_forked_while_threads_paint_paints():
    program = """
paint(64)
painted, stop = [], threading.Event()
def work():
    while not stop.is_set():
        painted.append(paint(64))
threads = [threading.Thread(target=work) for _ in range(2)]
for each in threads:
    each.start()
print([ends(fork.Process(target=paint, args=[48])) for _ in range(6)])
stop.set()
for each in threads:
    each.join(90)
print(len(painted) > 0, any(each.is_alive() for each in threads))
"""
    assert printed(program) == ["[0, 0, 0, 0, 0, 0]", "True False"]


@pytest.mark.thorough
def test_a_fork_of_a_process_in_which_tensorflow_has_painted_says_so_and_paints_without():
    program = """
def painted():
    try:
        painterly.paint(photo, "hokusai", preset="draft", size=32, iterations=1)
    except painterly.PainterlyError as error:
        print(str(error), flush=True)
    print(paint(48), flush=True)
painterly.paint(photo, "hokusai", preset="draft", size=32, iterations=1)
print(ends(fork.Process(target=painted)))
"""
    refused, instant, end = printed(program)
    assert "forked from one that had loaded TensorFlow" in refused and "spawn" in refused
    assert (instant, end) == ("(48, 32)", "0")
