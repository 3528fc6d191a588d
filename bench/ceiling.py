"""The same Ping with connectrpc and uvicorn alone, the ceiling of all rows: `python -m bench.ceiling PORT`."""

import sys

from app.core.config import Settings
from app.server import configured, listen
from app.test.handlers import PingHandlers
from gen.test.v1.test_v1_connect import TestNoAuthServiceASGIApplication

if __name__ == "__main__":
    import uvicorn

    settings = Settings(port=int(sys.argv[1]))
    config = configured(TestNoAuthServiceASGIApplication(PingHandlers()), settings, lifespan="off", http="httptools")
    uvicorn.Server(config).run(sockets=[listen(settings)])
