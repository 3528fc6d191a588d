"""Methods as the generated Python knows them, found by the name of an RPC."""

import json
import re
from importlib import import_module
from typing import Any

from protobuf import DescMethod, Message


def described(rpc: str, generated: str = "gen") -> DescMethod:
    """The method package.Service/Method, out of what was generated into the package `generated`."""
    service, _, name = rpc.partition("/")
    services = _module(service, generated, "pb").desc().services
    (found,) = [each for one in services if one.type_name == service for each in one.methods if each.name == name]
    return found


def is_stream(rpc: str) -> bool:
    return described(rpc).method_kind == "server_streaming"


def client_class(rpc: str, generated: str, suffix: str) -> tuple[Any, str]:
    """The generated client of the method's service, and what the method is called there."""
    service, _, name = rpc.partition("/")
    client = getattr(_module(service, generated, "connect"), service.rpartition(".")[2] + suffix)
    return client, re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def request(method: DescMethod, message: dict[str, Any]) -> Message[Any]:
    return method.input.type.from_json(json.dumps(message))


def in_json(message: Message[Any]) -> Any:
    return json.loads(message.to_json())


def _module(service: str, generated: str, kind: str) -> Any:
    package = service.rpartition(".")[0]
    return import_module(f"{generated}.{package}.{package.replace('.', '_')}_{kind}")
