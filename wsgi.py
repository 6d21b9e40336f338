"""What a WSGI server imports: wsgi:app."""

from app import create_app, startup

app = create_app()
startup.start(app)
