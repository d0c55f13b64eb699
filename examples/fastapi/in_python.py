"""What shop.c spells out, written as `async def`, in the same order. The tests run both and compare."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import Depends, HTTPException

CUSTOMERS = {"red": "Ada", "blue": "Grace"}
PRICES = {1: 250, 2: 400, 3: 1000}


async def customer(token: str):
    """Who has the token."""
    await asyncio.sleep(0.1)
    try:
        return CUSTOMERS[token]
    except KeyError:
        raise HTTPException(401, "nobody has this token") from None


async def price(item_id: int):
    """What one of an item costs."""
    await asyncio.sleep(0.1)
    return PRICES[item_id]


async def item(item_id: int, customer: Annotated[str, Depends(customer)], count: int = 1):
    """What that many of an item cost."""
    coroutine = price(item_id)
    try:
        one = await coroutine
    except LookupError:
        raise HTTPException(404, "no such item")  # noqa: B904
    return {"item_id": item_id, "customer": customer, "total": one * count}
