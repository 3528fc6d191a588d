"""Google's gRPC for Python, with the messages from gen/: its stubs take any functions that write and read bytes."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
from google.rpc import status_pb2
from protobuf import Message

from tests.e2e.clients.call import Answer, Call, Client, Jar, Place, Way, refused
from tests.e2e.clients.methods import described, in_json, is_stream, request


@contextmanager
def grpcio(_: Way, place: Place) -> Iterator[Client]:
    jar = Jar()
    with grpc.insecure_channel(place.url.removeprefix("http://")) as channel:

        def answer(call: Call) -> Answer:
            method = described(call.rpc)
            stub = channel.unary_stream if is_stream(call.rpc) else channel.unary_unary
            caller: Any = stub(f"/{call.rpc}", Message.to_binary, method.output.type.from_binary)
            sent = request(method, call.message)
            options = {"metadata": [*jar.headers(call).items()], "timeout": call.timeout}
            answered: list[Any] = []
            try:
                for message in caller(sent, **options) if is_stream(call.rpc) else _unary(caller, sent, options, jar):
                    answered.append(in_json(message))
            except grpc.RpcError as error:
                return Answer(answered, _refused(error))
            return Answer(answered)

        yield answer


def _unary(caller: Any, sent: Message[Any], options: dict[str, Any], jar: Jar) -> Iterable[Message[Any]]:
    message, call = caller.with_call(sent, **options)
    jar.keep(value for name, value in call.initial_metadata() if name == "set-cookie")
    return [message]


def _refused(error: Any) -> Any:
    status = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin", b"")
    details = status_pb2.Status.FromString(status).details
    return refused(error.code().name.lower(), [(each.type_url.rpartition("/")[2], each.value) for each in details])
