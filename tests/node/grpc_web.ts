// Google's grpc-web in a page, with messages of @bufbuild/protobuf: a MethodDescriptor takes any two functions that
// write and read bytes.
import { type DescMethod, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import { findTrailerError } from "@connectrpc/connect/protocol-grpc";
import grpcweb from "grpc-web";
import { bearer, type Caller, type Options } from "./calls.ts";

const { GrpcWebClientBase, MethodDescriptor, MethodType } = grpcweb;

export function grpcWeb({ codec, baseUrl }: Options): Caller {
  return (method, request, { session, token }, timeoutMs, got) => {
    const client = new GrpcWebClientBase({ format: codec === "binary" ? "binary" : "text", withCredentials: session });
    const metadata: Record<string, string> = bearer(token);
    if (timeoutMs) metadata.deadline = `${Date.now() + timeoutMs}`;
    const url = `${baseUrl}/${method.parent.typeName}/${method.name}`;
    const described = descriptor(method);
    if (method.methodKind === "unary") {
      return client.unaryCall(url, request, metadata, described).then(got, (error) => {
        throw read(error);
      });
    }
    return new Promise((resolve, reject) => {
      client
        .serverStreaming(url, request, metadata, described)
        .on("data", got)
        .on("error", (error) => reject(read(error)))
        .on("end", resolve);
    });
  };
}

function descriptor({ parent, name, methodKind, input, output }: DescMethod) {
  const kind = methodKind === "unary" ? MethodType.UNARY : MethodType.SERVER_STREAMING;
  const write = (message: Message) => toBinary(input, message);
  const read = (bytes: Uint8Array) => fromBinary(output, bytes);
  return new MethodDescriptor(`/${parent.typeName}/${name}`, kind, Object as any, Object as any, write, read);
}

// The details are in grpc-status-details-bin, which grpc-web hands on unread.
function read({ code, message, metadata }: grpcweb.RpcError): ConnectError {
  const trailer = new Headers({ ...metadata, "grpc-status": `${code}` });
  return findTrailerError(trailer) ?? new ConnectError(message, code as number);
}
