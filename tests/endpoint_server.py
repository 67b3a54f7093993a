"""An OpenAI-compatible endpoint that misbehaves in the manner that its address names. Run with a port.

`POST /MODE/v1/chat/completions` answers; `GET /MODE/seen` says what came, and how many connections were
closed before their reply was whole.
"""

import asyncio
import json
import re
import sys
from collections import defaultdict

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

REPLY = "The notice period is ninety (90) days, in writing [1]."
seen = defaultdict(lambda: {"bodies": [], "keys": [], "closed": 0})


def event(delta, finish=None):
    told = {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
    return f"data: {json.dumps(told, ensure_ascii=False)}\n\n"


def tokens_of(body):
    words = re.findall(r"\s*\w+|\s*[^\w\s]", body["messages"][-1]["content"].partition("ECHO ")[2] or REPLY)
    limit = body.get("max_tokens") or body["max_completion_tokens"]
    return words[:limit], "length" if len(words) > limit else "stop"


async def speak(mode, body):
    words, finish = tokens_of(body)
    try:
        if mode == "hangs":
            await asyncio.sleep(3_600)
        if mode in ("thinks", "thinks_in_vllm"):
            for thought in ("Ninety", " days"):
                yield event({"reasoning_content" if mode == "thinks" else "reasoning": thought})
        for number, word in enumerate(words):
            if mode == "cut" and number == 4:
                # Ends the body without its last chunk, as a server does that is killed.
                raise ConnectionResetError
            if mode == "malformed" and number == 4:
                yield "data: {not json\n\n"
            if mode == "slow" and number == 4:
                await asyncio.sleep(3_600)
            if mode == "odd" and number == 1:
                yield ": a comment\r\n\r\n"
                word = f"\u2028{word}"
            yield event({"content": word})
            await asyncio.sleep(0)
        if mode != "endless":
            yield event({}, "content_filter" if mode == "filtered" else finish)
            used = {"prompt_tokens": 7, "completion_tokens": len(words)}
            yield f"data: {json.dumps({'choices': [], 'usage': used})}\n\n"
        yield "data: [DONE]\n\n"
    except (asyncio.CancelledError, GeneratorExit):
        seen[mode]["closed"] += 1
        raise


async def answer(request):
    mode = request.path_params["mode"]
    raw = await request.body()
    seen[mode]["bodies"].append(raw.decode())
    seen[mode]["keys"].append(request.headers.get("authorization"))
    again = len(seen[mode]["bodies"]) == 1
    if mode.startswith("status_"):
        return Response("SECRET words of the request", int(mode.removeprefix("status_")))
    if mode == "busy_then_fine" and again:
        return Response(status_code=429, headers={"Retry-After": "0"})
    if mode == "fails_then_fine" and again:
        return Response(status_code=500)
    if mode == "wait_long":
        return Response(status_code=503, headers={"Retry-After": "3600"})
    if mode == "redirects":
        return RedirectResponse("/fine/v1/chat/completions", 307)
    if mode == "page":
        return Response("<html>Sign in</html>", media_type="text/html")
    return StreamingResponse(speak(mode, json.loads(raw)), media_type="text/event-stream")


async def told(request):
    return JSONResponse(seen[request.path_params["mode"]])


app = Starlette(
    routes=[Route("/{mode}/v1/chat/completions", answer, methods=["POST"]), Route("/{mode}/seen", told)]
)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="critical")
