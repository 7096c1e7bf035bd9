// grpc_server: a gRPC service as people run it in a sandbox, on a port of its own.
//
// Prints {"port": N}, then {"event": ...} for what the tests want to know: which calls hang, which were cancelled. What a call does is said by
// its request: see each method.
'use strict';

const grpc = require('@grpc/grpc-js');
const definition = require('./echo_service');

const print = (value) => process.stdout.write(JSON.stringify(value) + '\n');

// Name to value, bytes as hex, so that what was received can be compared as JSON.
function plain(metadata) {
  const result = {};
  for (const name of Object.keys(metadata.getMap())) {
    const values = metadata.get(name).map((value) => (Buffer.isBuffer(value) ? value.toString('hex') : value));
    result[name] = values.length === 1 ? values[0] : values;
  }
  return result;
}

function trailers() {
  const metadata = new grpc.Metadata();
  metadata.set('x-trailing', 'done');
  metadata.set('x-trailing-bin', Buffer.from([0, 1, 254, 255]));
  return metadata;
}

function failure(wanted) {
  return Object.assign(new Error(wanted.details), { code: wanted.code, details: wanted.details, metadata: trailers() });
}

// Reports calls that were ended from outside. grpc-js calls those "cancelled" too that this service had answered.
function watch(call, name) {
  call.on('cancelled', () => {
    if (!call.wasAnswered) print({ event: 'cancelled', method: name });
  });
}

function end(call, answer) {
  call.wasAnswered = true;
  answer();
}

// {fail: {code, details}} answers with that status alone, {hang: true} with nothing, {filling} with its size; anything else is
// answered with what was seen.
function unary(call, callback) {
  watch(call, 'Unary');
  const deadline = call.getDeadline();
  const left = deadline === Infinity ? null : deadline - Date.now();
  if (call.request.fail) return end(call, () => callback(failure(call.request.fail)));
  if (call.request.hang) return print({ event: 'hanging', method: 'Unary', deadline_ms: left });
  const initial = new grpc.Metadata();
  initial.set('x-initial', 'here');
  call.sendMetadata(initial);
  if (call.request.filling) return end(call, () => callback(null, { size: call.request.filling.length }, trailers()));
  const seen = { request: call.request, metadata: plain(call.metadata), host: call.getHost(), deadline_ms: left };
  return end(call, () => callback(null, seen, trailers()));
}

// `count` messages {number, filling}; then ends, hangs ({hang}) or fails ({fail: {code, details}}).
async function download(call) {
  watch(call, 'Download');
  const { count, filling = 0, hang, fail } = call.request;
  const text = 'x'.repeat(filling);
  for (let number = 0; number < count; ++number) {
    if (!call.write({ number, text })) await new Promise((resolve) => call.once('drain', resolve));
  }
  if (fail) end(call, () => call.emit('error', failure(fail)));
  else if (hang) print({ event: 'hanging', method: 'Download' });
  else end(call, () => call.end(trailers()));
}

// Counts messages {number} and says whether they came in order; {fail} fails at once, whatever is still to come.
function upload(call, callback) {
  watch(call, 'Upload');
  let count = 0;
  let inOrder = true;
  call.on('data', (message) => {
    if (message.fail) return end(call, () => callback(failure(message.fail)));
    inOrder = inOrder && message.number === count;
    count += 1;
    return undefined;
  });
  call.on('end', () => end(call, () => callback(null, { count, in_order: inOrder }, trailers())));
}

// Sends every message back; {fail} fails.
function chat(call) {
  watch(call, 'Chat');
  call.on('data', (message) => {
    if (message.fail) end(call, () => call.emit('error', failure(message.fail)));
    else if (!call.write(message)) {
      call.pause();
      call.once('drain', () => call.resume());
    }
  });
  call.on('end', () => end(call, () => call.end(trailers())));
}

const server = new grpc.Server({ 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 });
server.addService(definition, { Unary: unary, Download: download, Upload: upload, Chat: chat });
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  print({ port });
});
