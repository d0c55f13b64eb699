"""What people do with it."""

import socket
import threading

import pytest


class Server:
    """Answers each line in capitals, until it is asked to hang. A thread of its own, for one connection after the other."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.asked = threading.Event()
        self.hung_up = threading.Event()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as lines:
                question = lines.readline().strip()
                self.asked.set()
                if question != b"hang":
                    connection.sendall(question.upper() + b"\n")
                elif lines.readline() == b"":
                    self.hung_up.set()


@pytest.fixture
def server():
    server = Server()
    yield server
    server.listener.close()


def test_client_that_is_awaited(behaviours, run, server):
    async def main():
        return [await behaviours.ask(server.port, text) for text in ("first", "second")]

    assert run(main) == ["FIRST", "SECOND"]


def test_client_that_is_cancelled_half_way(behaviours, run, tools, server):
    async def main():
        was_cancelled = await tools.cancelled_when(behaviours.ask(server.port, "hang"), server.asked.is_set)
        while not server.hung_up.is_set():
            await tools.sleep(0.001)
        return was_cancelled, await behaviours.ask(server.port, "after")

    assert run(main) == (True, "AFTER")


def test_client_without_a_server(behaviours, run):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    async def main():
        await behaviours.ask(port, "text")

    with pytest.raises(ConnectionRefusedError):
        run(main)


def test_service_with_python_handlers(behaviours, run, tools):
    async def main():
        async def handler(question):
            await tools.sleep(0)
            if question == "wrong":
                raise ValueError(question)
            return question.upper()

        service = behaviours.Service(handler)
        try:
            return await tools.all_of([behaviours.ask(service.port, text) for text in ("first", "second", "wrong")])
        finally:
            service.stop()

    assert run(main) == ["FIRST", "SECOND", "error: ValueError: wrong"]


def test_service_cancels_the_handler_of_a_client_that_goes(behaviours, run, tools):
    async def main():
        begun, seen = [], []

        async def handler(question):
            begun.append(question)
            try:
                await tools.sleep(1000)
            except BaseException:
                seen.append(question)
                raise

        service = behaviours.Service(handler)
        try:
            was_cancelled = await tools.cancelled_when(behaviours.ask(service.port, "text"), lambda: begun)
            while not seen:
                await tools.sleep(0.001)
            return was_cancelled, seen
        finally:
            service.stop()

    assert run(main) == (True, ["text"])


def test_stream_with_back_pressure(behaviours, run, tools):
    async def main():
        numbers, progress = behaviours.numbers(100, 3)
        taken, ahead = [], []
        async for number in numbers:
            taken.append(number)
            if number % 20 == 0:
                await tools.sleep(0.01)
                ahead.append(progress.made() - number)
        return taken, ahead, progress.has_ended()

    taken, ahead, has_ended = run(main)
    assert taken == list(range(100))
    # The one that is taken, and as many as the channel holds.
    assert all(1 <= count <= 4 for count in ahead)
    assert has_ended


def test_stream_that_is_left(behaviours, run, tools):
    async def main():
        numbers, progress = behaviours.numbers(10**9, 3)
        async for number in numbers:
            if number == 5:
                break
        await numbers.aclose()
        while not progress.has_ended():
            await tools.sleep(0.001)
        return progress.made()

    assert run(main) <= 10


def test_channel(behaviours, run, tools):
    async def main():
        channel = behaviours.Channel(2)

        async def produce():
            for number in range(50):
                await channel.send(number)
            channel.close()

        async def consume():
            return [number async for number in channel]

        _, *taken = await tools.all_of([produce(), consume(), consume()])
        with pytest.raises(ConnectionError, match="the channel is closed"):
            await channel.send(1)
        return taken

    first, second = run(main)
    assert sorted(first + second) == list(range(50))
    assert first == sorted(first)


def test_race(behaviours, run, tools):
    async def main():
        seen = []

        async def sleeps(seconds):
            try:
                await tools.sleep(seconds)
                return seconds
            except BaseException:
                seen.append(seconds)
                raise

        first = await behaviours.race(sleeps(0.001), sleeps(1000))
        second = await behaviours.race(sleeps(1001), sleeps(0.002))
        await tools.sleep(0.01)
        return first, second, seen

    assert run(main) == (("first", 0.001), ("second", 0.002), [1000, 1001])
