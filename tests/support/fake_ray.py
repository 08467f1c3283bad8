"""Ray without processes: actors are objects here, with methods that run in threads. Not tried are
how nodes find each other and how a lost one is noticed."""

import os
import pickle
import signal
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from types import SimpleNamespace


class DiedError(Exception):
    """The stand-in for Ray's ActorDiedError."""


class Actor:
    """One actor on one node. All that it is given and gives is pickled, as between machines."""

    def __init__(self, made, node):
        self.made, self.node, self._pending, self._error = made, node, {}, None
        self.threads = ThreadPoolExecutor(16)  # A dead actor's threads end what they are at.

    @property
    def paints(self):
        """Whether it has been given a task that it has not answered."""
        return "paint" in self._pending.values()

    def __getattr__(self, name):
        method = getattr(self.made, name)
        call = SimpleNamespace(remote=lambda *args: self._call(name, method, args))
        call.options = lambda **options: call
        return call

    def die(self, error=None):
        """Ends the actor: all that waits for it gets the error, and all that calls it later."""
        self._error = error or DiedError("the worker has died")
        pending, self._pending = self._pending, {}
        for each in pending:
            each.set_exception(self._error)
        if hasattr(self.made, "_painter"):  # Ends its painting.
            self.made._stop.signum = signal.SIGTERM
            self.made._painter.leave()

    def _call(self, name, method, args):
        future, copied = Future(), pickle.loads(pickle.dumps(args))
        self._pending[future] = name

        def work():
            try:
                found = pickle.loads(pickle.dumps(method(*copied)))
            except BaseException as error:
                self._finish(future, error=error)
            else:
                self._finish(future, found)

        if self._error:
            self._finish(future, error=self._error)
        else:
            self.threads.submit(work)
        return future

    def _finish(self, future, found=None, error=None):
        if self._pending.pop(future, None):
            future.set_exception(error) if error else future.set_result(found)


class FakeRay:
    """A cluster; `alive` has its nodes by name, which a test changes."""

    util = SimpleNamespace(
        scheduling_strategies=SimpleNamespace(
            NodeAffinitySchedulingStrategy=lambda node, soft: SimpleNamespace(node_id=node)
        )
    )

    def __init__(self, *names):
        self.alive = {name: {"CPU": float(os.cpu_count() or 1)} for name in names}
        self.actors, self.asked_for = [], []
        self.autoscaler = SimpleNamespace(sdk=SimpleNamespace(request_resources=self._request))

    def _request(self, bundles):
        self.asked_for = bundles

    def nodes(self):
        return [
            {"NodeID": name, "NodeManagerAddress": name, "Alive": True, "Resources": has}
            for name, has in self.alive.items()
        ]

    def remote(self, kind):
        def options(scheduling_strategy, **others):
            def start(*args):
                actor = Actor(kind(*args), scheduling_strategy.node_id)
                actor.options = others
                self.actors.append(actor)
                return actor

            return SimpleNamespace(remote=start)

        return SimpleNamespace(options=options)

    def kill(self, actor):
        actor.die()

    def wait(self, references, num_returns, timeout):
        wait(references, timeout)
        done = [each for each in references if each.done()]
        return done, [each for each in references if each not in done]

    def get(self, reference):
        return reference.result()

    def lose(self, name):
        """A node goes, with its actors."""
        del self.alive[name]
        for actor in self.actors:
            if actor.node == name:
                actor.die()

    @contextmanager
    def connected(self, address):
        """Replaces cluster.fleet.connected."""
        yield self
