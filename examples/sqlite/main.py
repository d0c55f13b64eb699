"""A web application over the driver: notes in a database. `uvicorn main:app` serves it."""

import os
from contextlib import asynccontextmanager

import sqlite_async
from fastapi import FastAPI, HTTPException, Query


@asynccontextmanager
async def lifespan(app):
    async with sqlite_async.connect(os.environ.get("NOTES", ":memory:")) as app.state.db:
        await app.state.db.execute("create table if not exists notes (id integer primary key, text unique)")
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/notes", status_code=201)
async def add(text: str = Query(min_length=1)):
    try:
        async with app.state.db.transaction():
            cursor = await app.state.db.execute("insert into notes (text) values (?)", (text,))
    except sqlite_async.IntegrityError as error:
        raise HTTPException(409, "it is there already") from error
    return {"id": cursor.lastrowid, "text": text}


@app.get("/notes/{id}")
async def get(id: int):
    cursor = await app.state.db.execute("select text from notes where id = ?", (id,))
    row = await cursor.fetchone()
    if row is None:
        raise HTTPException(404, "no such note")
    return {"id": id, "text": row[0]}


@app.get("/notes")
async def count(like: str = "%"):
    async with app.state.db.execute("select id from notes where text like ?", (like,)) as cursor:
        return {"ids": [id async for (id,) in cursor]}
