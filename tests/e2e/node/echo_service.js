// echo_service: the gRPC service of the tests, defined without a .proto file: messages are JSON values.
'use strict';

const serialize = (value) => Buffer.from(JSON.stringify(value));
const deserialize = (bytes) => JSON.parse(bytes.toString());

function method(name, requestStream, responseStream) {
  return {
    path: `/sandgate.test.Echo/${name}`,
    requestStream,
    responseStream,
    requestSerialize: serialize,
    requestDeserialize: deserialize,
    responseSerialize: serialize,
    responseDeserialize: deserialize,
  };
}

module.exports = {
  Unary: method('Unary', false, false),
  Download: method('Download', false, true),
  Upload: method('Upload', true, false),
  Chat: method('Chat', true, true),
};
