"""What a WSGI server imports: wsgi:app."""

import gc

gc.disable()  # until all is loaded: what loading makes stays, and looking through it again and again takes time

from app import create_app, logs, startup  # noqa: E402
from config import Config  # noqa: E402

logs.configure(Config.LOG)
app = create_app()
startup.start(app)
gc.collect()
gc.freeze()  # what is loaded is not looked through again by any later collection
gc.enable()
