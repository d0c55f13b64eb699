"""PyAwaitable_Cancel, from every place it may be called. `model` says what it does."""

from ..blocks import Inner
from ..model import Queue
from ..scenario import scenario
from .errors import BAD


def cancelled_by(name, **more):
    """The code of an inner awaitable cancels the awaitable that awaits it."""
    return {name: Inner(pauses=2, does=lambda env: env.cancel(), **more)}


class Cancelling(Queue):
    """With the callbacks of tests/ext/scenarios/cancel.c."""

    def a_then_b(self, callback, error_callback):
        self.await_(self.env.inner("a"), callback, error_callback)
        self.await_(self.env.inner("b"), self.logs, self.handles)
        return self.outer()

    def lock_then_z(self, body, error_callback):
        self.with_(self.env.context("lock"), body, error_callback)
        self.await_(self.env.inner("z"), self.logs)
        return self.outer()

    def result_and_cancel(self, value):
        self.returns(value)
        self.cancel()

    def cancel_and_fail(self, value):
        self.cancel()
        self.fails(value)

    def body_with_a(self, value):
        self.logs(value)
        self.await_(self.env.inner("a"), self.returns, self.handles)

    def body_with_latch(self, value):
        self.logs(value)
        self.with_(self.env.context("latch"), self.body_with_a, self.reraises)
        self.await_(self.env.inner("b"), self.logs)

    def body_cancelled_by_a(self, value):
        self.logs(value)
        self.await_(self.env.inner("a"), self.result_and_cancel)
        self.await_(self.env.inner("b"), self.logs)


@scenario()
def cancel_before(env):
    queue = Cancelling(env)
    queue.await_(env.inner("a"), queue.logs)
    queue.await_(env.inner("b"), queue.logs)
    queue.cancel()
    queue.await_(env.inner("c"), queue.returns)
    return queue.outer()


@scenario(BAD)
def cancel_from_callback(env):
    queue = Cancelling(env)
    return queue.a_then_b(queue.result_and_cancel, queue.handles)


@scenario(BAD)
def cancel_from_callback_then_add(env):
    queue = Cancelling(env)

    def callback(value):
        queue.result_and_cancel(value)
        queue.await_(env.inner("c"), queue.logs)

    return queue.a_then_b(callback, queue.handles)


@scenario()
def add_from_callback_then_cancel(env):
    queue = Cancelling(env)

    def callback(value):
        queue.returns(value)
        queue.await_(env.inner("c"), queue.logs)
        queue.cancel()

    return queue.a_then_b(callback, queue.handles)


@scenario(BAD)
def cancel_from_callback_handled(env):
    queue = Cancelling(env)
    return queue.a_then_b(queue.cancel_and_fail, queue.handles)


@scenario(BAD)
def cancel_from_callback_reraised(env):
    queue = Cancelling(env)
    return queue.a_then_b(queue.cancel_and_fail, queue.reraises)


def past(queue, error_callback):
    """An error callback that does not see what the callback raises with -2."""

    def handle(exception):
        if exception is queue.past:
            raise exception
        error_callback(exception)

    return handle


def cancel_and_fail_past(queue):
    def callback(value):
        queue.cancel()
        env = queue.env
        env.log("callback", value)
        queue.past = ValueError("from the callback")
        raise queue.past

    queue.past = None
    return callback


@scenario(BAD)
def cancel_from_callback_past(env):
    queue = Cancelling(env)
    return queue.a_then_b(cancel_and_fail_past(queue), past(queue, queue.handles))


@scenario(BAD)
def cancel_from_error_callback(env):
    queue = Cancelling(env)

    def error_callback(exception):
        queue.handles(exception)
        queue.cancel()

    return queue.a_then_b(queue.logs, error_callback)


@scenario(BAD)
def cancel_from_error_callback_reraised(env):
    queue = Cancelling(env)

    def error_callback(exception):
        queue.handles(exception)
        queue.cancel()
        raise exception

    return queue.a_then_b(queue.logs, error_callback)


@scenario(BAD)
def cancel_from_error_callback_minus_2(env):
    queue = Cancelling(env)

    def error_callback(exception):
        queue.handles(exception)
        queue.cancel()
        queue.await_(env.inner("c"), queue.returns)

    return queue.a_then_b(queue.logs, error_callback)


@scenario(BAD)
def cancel_from_error_callback_replaced(env):
    queue = Cancelling(env)

    def error_callback(exception):
        queue.cancel()
        queue.handles(exception)
        raise LookupError("from the error callback")

    return queue.a_then_b(queue.logs, error_callback)


@scenario()
def cancel_from_deferred(env):
    queue = Cancelling(env)

    def deferred():
        env.log("deferred callback")
        queue.cancel()
        queue.await_(env.inner("c"), queue.returns)

    queue.defer(deferred)
    queue.await_(env.inner("a"), queue.logs)
    return queue.outer()


# Cancel comes from outside: from a test between two steps, or from the code of an inner.


@scenario({**BAD, "a cancels": cancelled_by("a")}, outside=True)
def outside_plain(env):
    queue = Cancelling(env)
    return queue.a_then_b(queue.returns, queue.handles)


@scenario(
    {
        "": {},
        "a cancels": cancelled_by("a"),
        "a cancels and raises": cancelled_by("a", raises=lambda: ValueError("from a")),
    },
    outside=True,
)
def outside_failing(env):
    queue = Cancelling(env)
    return queue.a_then_b(queue.fails, queue.reraises)


OUTSIDE_BLOCK = {
    **BAD,
    "a cancels": cancelled_by("a"),
    "a cancels and raises": cancelled_by("a", raises=lambda: ValueError("from a")),
    "enter cancels": cancelled_by("lock.enter"),
    "enter cancels and raises": cancelled_by("lock.enter", raises=lambda: OSError("from enter")),
    "exit cancels": cancelled_by("lock.exit", returns=lambda env: None),
    "exit cancels and raises": cancelled_by("lock.exit", raises=lambda: OSError("from exit")),
}


@scenario(OUTSIDE_BLOCK, outside=True)
def outside_block(env):
    queue = Cancelling(env)
    return queue.lock_then_z(queue.body_with_a, queue.handles)


@scenario({**OUTSIDE_BLOCK, "latch enter cancels": cancelled_by("latch.enter")}, outside=True)
def outside_block_in_block(env):
    queue = Cancelling(env)
    return queue.lock_then_z(queue.body_with_latch, queue.reraises)


@scenario(outside=True)
def outside_deferred(env):
    queue = Cancelling(env)

    def deferred():
        env.log("deferred callback")

    queue.defer(deferred)
    queue.await_(env.inner("a"), queue.returns)
    queue.defer(deferred)
    return queue.outer()


EXITS = {
    "": {},
    "exit raises": {"lock.exit": Inner(raises=lambda: OSError("from exit"))},
    "exit suppresses": {"lock.exit": Inner(returns=lambda env: True)},
}


@scenario({"": {}, "exit suppresses": EXITS["exit suppresses"]})
def cancel_from_body(env):
    queue = Cancelling(env)

    def body(value):
        queue.returns(value)
        queue.await_(env.inner("a"), queue.logs)
        queue.cancel()

    return queue.lock_then_z(body, queue.handles)


@scenario()
def cancel_from_body_then_add(env):
    queue = Cancelling(env)

    def body(value):
        queue.returns(value)
        queue.cancel()
        queue.await_(env.inner("a"), queue.logs)

    return queue.lock_then_z(body, queue.handles)


@scenario(EXITS)
def cancel_from_body_handled(env):
    queue = Cancelling(env)
    return queue.lock_then_z(queue.cancel_and_fail, queue.handles)


@scenario({"": {}, "exit suppresses": EXITS["exit suppresses"]})
def cancel_from_body_past(env):
    queue = Cancelling(env)
    return queue.lock_then_z(cancel_and_fail_past(queue), past(queue, queue.handles))


@scenario(BAD)
def cancel_inside_block(env):
    queue = Cancelling(env)
    return queue.lock_then_z(queue.body_cancelled_by_a, queue.handles)


@scenario(BAD)
def cancel_inside_two_blocks(env):
    queue = Cancelling(env)

    def body(value):
        queue.logs(value)
        queue.with_(env.context("latch"), queue.body_cancelled_by_a, queue.handles)

    return queue.lock_then_z(body, queue.handles)
