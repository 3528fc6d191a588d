"""What is counted for operators: numbers alone, and no label that a caller can choose, so that the page stays small."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class Metrics:
    """Each application has its own; `registry` is what the page at METRICS_PORT shows."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.attempts = Counter(
            "gatepost_attempts",
            "Attempts at a password or a mailed code that were looked at.",
            ["of"],
            registry=self.registry,
        )
        self.right_attempts = Counter(
            "gatepost_right_attempts",
            "Those that were right, or could not be looked at. The others, also those whose client hung up, failed.",
            ["of"],
            registry=self.registry,
        )
        self.limits_reached = Counter(
            "gatepost_limits_reached",
            "How often each limit was found used up: what it throttled.",
            ["limit"],
            registry=self.registry,
        )
        self.bad_tokens = Counter(
            "gatepost_bad_tokens", "Bearer tokens that were wrong, expired or revoked.", registry=self.registry
        )
        self.limits_store_away = Gauge(
            "gatepost_limits_store_away",
            "1 while the store of LIMITS_URL does not answer and stricter limits hold.",
            registry=self.registry,
        )
