"""What Ray Serve imports: ray_serve:application, replicas of the networks.  deploy/ray.yaml says how many of them.

The settings are those of the site, read on the machine of each replica: TEMBR_WEIGHTS, TEMBR_SYNTHESIZER,
TEMBR_VOCODER, and TEMBR_CLONER_TOKEN.
"""

import asyncio
import logging
from collections.abc import Callable

from ray import serve
from starlette.requests import Request
from starlette.responses import Response

from config import Config
from models import Replica, VoiceCloner

MAX_MESSAGE_BYTES = 50_000_000  # ten minutes of a recording are 38 MB


def load_cloner() -> VoiceCloner:
    own, synthesizer, vocoder = Config.WEIGHTS, Config.SYNTHESIZER, Config.VOCODER
    cloner = VoiceCloner.load(
        device=Config.DEVICE, own=own, synthesizer=synthesizer, vocoder=vocoder, precision=Config.PRECISION
    )
    if cloner.refusal:
        logging.getLogger("ray.serve").warning("%s", cloner.refusal)
    return cloner


@serve.deployment(name="networks", max_ongoing_requests=16, health_check_period_s=5, health_check_timeout_s=30)
class Networks:
    """One process with the networks.  user_config: max_batch, the sentences of any texts that are said together."""

    def __init__(self, load: Callable[[], VoiceCloner]):
        self.replica = Replica(load(), Config.CLONER_TOKEN)
        if not Config.CLONER_TOKEN:
            logging.getLogger("ray.serve").warning(
                "There is no TEMBR_CLONER_TOKEN: whoever reaches the port is answered."
            )

    def reconfigure(self, config: dict) -> None:
        self._say.set_max_batch_size(int(config.get("max_batch", 1)))

    async def __call__(self, request: Request) -> Response:
        if not self.replica.may_ask(request.headers.get("authorization", "")):
            return Response(status_code=401)
        if int(request.headers.get("content-length", 0)) > MAX_MESSAGE_BYTES:
            return Response(status_code=413)
        message = await request.body()
        if request.url.path == "/say":
            status, answer = await self._say(message)
        else:
            status, answer = await asyncio.to_thread(self.replica.answer, request.url.path, message)
        return Response(answer, status, media_type="application/octet-stream")

    @serve.batch(max_batch_size=1, batch_wait_timeout_s=0.01)
    async def _say(self, messages: list[bytes]) -> list[tuple[int, bytes]]:
        return await asyncio.to_thread(self.replica.say, messages)


application = Networks.bind(load_cloner)
