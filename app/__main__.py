"""`python -m app` is `gatepost`."""

from app.cli import main

main()
