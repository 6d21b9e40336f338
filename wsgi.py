"""What a WSGI server imports: wsgi:app."""

from app import create_app, logs, startup
from config import Config

logs.configure(Config.LOG)
app = create_app()
startup.start(app)
