"""The application: all that is not in C."""

import shop
from fastapi import FastAPI

app = FastAPI()
app.get("/items/{item_id}")(shop.item)
