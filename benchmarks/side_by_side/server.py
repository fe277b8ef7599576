"""An OpenAI-compatible server that takes a fixed time for every answer: ``python server.py LATENCY_MS MODEL``.

It listens on a free port of loopback, prints that, and serves chat completions until it is killed. The answer is the
question's last word, so that clients can be seen to have got the answers of their own questions.
"""

from __future__ import annotations

import asyncio
import json
import sys

_REASONS = {200: "OK", 404: "Not Found"}


async def answer(method: str, path: str, body: bytes, model: str, latency_s: float) -> tuple[int, object]:
    """Status and content for one request."""
    if method == "GET" and path.endswith("/models"):
        return 200, {"object": "list", "data": [{"id": model, "object": "model"}]}
    if not path.endswith("/chat/completions"):
        return 404, {"error": {"message": "there is no such place"}}
    asked = json.loads(body)
    await asyncio.sleep(latency_s)
    text = asked["messages"][-1]["content"].split()[-1]
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 60, "completion_tokens": 1, "total_tokens": 61}
    return 200, {
        "id": "chatcmpl-0",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [{**choice, "index": place} for place in range(asked.get("n") or 1)],
        "usage": usage,
    }


async def main(latency_s: float, model: str) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                method, path, _ = head[0].split()
                lengths = [line.partition(":")[2] for line in head if line.lower().startswith("content-length:")]
                body = await reader.readexactly(int(lengths[0])) if lengths else b""
                status, found = await answer(method, path, body, model, latency_s)
                content = json.dumps(found).encode()
                start = f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: application/json\r\n"
                writer.write(f"{start}Content-Length: {len(content)}\r\n\r\n".encode() + content)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]) / 1000, sys.argv[2]))
