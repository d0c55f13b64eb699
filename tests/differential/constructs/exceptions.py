"""try, except, finally, raise."""

from . import ENDS, construct, gives

# ---- try and except ----


@construct(ENDS)
def except_with_clauses(env):
    async def outer():
        try:
            env.log("try", await env.inner("a"))
        except (KeyError, StopAsyncIteration) as exception:
            env.log("first", exception, await env.inner("b"))
        except ValueError:
            env.log("second", await env.inner("b"))
            raise
        except BaseException as exception:
            env.log("third", exception, await env.inner("b"))
            raise exception
        else:
            env.log("else", await env.inner("b"))
        env.log("after")

    return outer()


@construct(ENDS)
def except_awaits_in_a_row(env):
    async def outer():
        try:
            await env.inner("a")
        except ValueError as exception:
            env.log("handles", exception)
            await env.inner("b")
            env.log("goes on")
            await env.inner("c")
            env.log("goes on")
        env.log("after", await env.inner("d"))
        return "end"

    return outer()


@construct(ENDS)
def except_raises_another(env):
    async def outer():
        try:
            await env.inner("a")
        except Exception as exception:
            await env.inner("b")
            raise LookupError("replaced") from exception

    return outer()


@construct(ENDS)
def except_raises_from_none(env):
    async def outer():
        try:
            await env.inner("a")
        except Exception:
            await env.inner("b")
            raise LookupError from None

    return outer()


@construct(ENDS)
def except_in_except(env):
    async def outer():
        try:
            await env.inner("a")
        except Exception as first:
            try:
                await env.inner("b")
                raise LookupError("second")
            except (LookupError, OSError) as second:
                env.log("both", first, second)
                await env.inner("c")
                env.log("again")
                try:
                    raise
                except LookupError:
                    env.log("the second")
            env.log("the first")
            await env.inner("d")
            raise
        env.log("after")

    return outer()


@construct(ENDS)
def except_in_except_lets_it_go(env):
    async def outer():
        try:
            try:
                await env.inner("a")
            except Exception:
                try:
                    await env.inner("b")
                    raise TypeError("second")
                except KeyError:
                    env.log("never")
        except BaseException as exception:
            env.log("outside", exception)
            await env.inner("c")
        env.log("after")

    return outer()


@construct(ENDS)
def except_of_what_is_no_class(env):
    async def outer():
        try:
            try:
                await env.inner("a")
            except (KeyError, 5):  # noqa: B030
                env.log("never")
        except TypeError as exception:
            env.log("refused", exception)
            await env.inner("b")

    return outer()


@construct(ENDS)
def except_by_an_awaited_class(env):
    async def kind(name, which):
        env.log("asked")
        await env.inner(name)
        return which

    async def outer():
        try:
            await env.inner("a")
        except await kind("b", KeyError):  # noqa: B030
            env.log("first")
        except await kind("c", ValueError):  # noqa: B030
            env.log("second")

    return outer()


@construct()
def except_what_is_no_awaitable(env):
    async def outer():
        for thing in (5, None, env.token, Exception):
            try:
                await thing
            except TypeError as exception:
                env.log("refused", exception)
        await env.inner("a")

    return outer()


@construct()
def raise_with_nothing_to_raise(env):
    async def outer():
        try:
            await env.inner("a")
            raise
        except RuntimeError as exception:
            env.log("nothing", exception)
        raise

    return outer()


@construct(ENDS)
def raise_the_same_again(env):
    async def outer():
        kept = None
        for number in range(3):
            try:
                if kept is not None:
                    raise kept
                await env.inner("a")
            except ValueError as exception:
                env.log("caught", number, exception)
                kept = exception
                await env.inner("b")
        try:
            raise LookupError("other")
        except LookupError:
            try:
                await env.inner("c")
                if kept is not None:
                    raise kept
            finally:
                kept = None

    return outer()


@construct(
    {
        name: gives("a", value)
        for name, value in {
            "class": OSError,
            "instance": OSError("given"),
            "StopIteration": StopIteration(7),
            "StopAsyncIteration": StopAsyncIteration,
            "raises GeneratorExit": GeneratorExit,
            "no exception": 5,
            "class that is none": int,
        }.items()
    }
)
def raise_what_is_awaited(env):
    async def outer():
        try:
            raise await env.inner("a") from await env.inner("b")
        except TypeError as exception:
            env.log("refused", exception)
        raise await env.inner("a")

    return outer()


# ---- finally ----


@construct(ENDS)
def finally_awaits(env):
    async def outer():
        try:
            env.log("try", await env.inner("a"))
            return "returned"
        finally:
            env.log("finally", await env.inner("b"))
            env.log("goes on", await env.inner("c"))

    return outer()


@construct(ENDS)
def finally_replaces(env):
    async def outer():
        try:
            try:
                await env.inner("a")
                return "first"
            finally:
                await env.inner("b")
                raise LookupError("second")
        finally:
            if await env.inner("c"):
                return await env.inner("d")  # noqa: B012

    return outer()


@construct(ENDS)
def finally_in_finally(env):
    async def outer():
        try:
            return await env.inner("a")
        finally:
            try:
                env.log("inner", await env.inner("b"))
            finally:
                try:
                    env.log("innermost", await env.inner("c"))
                except Exception as exception:
                    env.log("caught", exception)
                env.log("goes on", await env.inner("d"))

    return outer()


@construct(ENDS)
def finally_raises_again(env):
    async def outer():
        try:
            try:
                await env.inner("a")
            finally:
                env.log("finally")
                await env.inner("b")
                raise
        except RuntimeError as exception:
            env.log("nothing", exception)
        except ValueError as exception:
            env.log("again", exception)

    return outer()


@construct(ENDS)
def finally_in_except(env):
    async def outer():
        try:
            await env.inner("a")
        except Exception as first:
            try:
                try:
                    raise TypeError("second") from first
                finally:
                    env.log("finally", await env.inner("b"))
            finally:
                env.log("and", await env.inner("c"))

    return outer()


@construct(ENDS)
def finally_swallows_its_own(env):
    async def outer():
        try:
            await env.inner("a")
        finally:
            try:
                raise LookupError("own")
            except LookupError as exception:
                env.log("own", exception)
                await env.inner("b")
            env.log("pending")
            await env.inner("c")

    return outer()
