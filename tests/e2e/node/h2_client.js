// h2_client: Node's own HTTP/2 client; does what its argument asks for and prints what came of it.
//
// {port, host, ca, scenario, ...}: connects to 127.0.0.1:`port` and calls itself a client of `host`. Without `ca` it speaks
// h2c with prior knowledge.
'use strict';

const crypto = require('crypto');
const fs = require('fs');
const http2 = require('http2');

const options = JSON.parse(process.argv[2]);

function connect(settings) {
  const scheme = options.ca ? 'https' : 'http';
  const here = (name, how, done) => (how.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4));
  return http2.connect(`${scheme}://${options.host}:${options.port}`, {
    ca: options.ca && fs.readFileSync(options.ca),
    lookup: here,
    settings,
  });
}

// One request; resolves to {status, headers, body, trailers} or {reset: code}.
function ask(session, headers, write = (stream) => stream.end(), streamOptions = {}) {
  return new Promise((resolve) => {
    const result = { interims: [] };
    const body = [];
    const stream = session.request(headers, streamOptions);
    stream.on('headers', (interim) => result.interims.push(interim[':status']));
    stream.on('response', (fields) => Object.assign(result, { status: fields[':status'], headers: { ...fields } }));
    stream.on('data', (data) => body.push(data));
    stream.on('trailers', (trailers) => (result.trailers = { ...trailers }));
    stream.on('error', () => {});
    stream.on('close', () => {
      if (stream.rstCode) result.reset = stream.rstCode;
      resolve({ ...result, body: Buffer.concat(body).toString() });
    });
    write(stream);
  });
}

const settingsOf = (session) => new Promise((resolve) => session.once('remoteSettings', resolve));

// WebSocket frames of up to 64 KiB, masked as a client's are.
function frame(opcode, payload) {
  const mask = crypto.randomBytes(4);
  const length = payload.length < 126 ? [0x80 | payload.length] : [0x80 | 126, payload.length >> 8, payload.length & 255];
  return Buffer.concat([Buffer.from([0x80 | opcode, ...length]), mask, payload.map((byte, i) => byte ^ mask[i % 4])]);
}

// The frame `buffer` begins with as [opcode, payload, rest]; null while it is not whole.
function firstFrame(buffer) {
  if (buffer.length < 2) return null;
  const long = (buffer[1] & 127) === 126;
  if (long && buffer.length < 4) return null;
  const start = long ? 4 : 2;
  const end = start + (long ? buffer.readUInt16BE(2) : buffer[1] & 127);
  return buffer.length < end ? null : [buffer[0] & 15, buffer.subarray(start, end), buffer.subarray(end)];
}

const scenarios = {
  // What the edge says of itself, an answered PING, and no push although it is allowed.
  async session() {
    const session = connect({ enablePush: true });
    const pushes = [];
    session.on('stream', (stream) => pushes.push(stream.id));
    const settings = await settingsOf(session);
    const payload = Buffer.from('8 bytes!');
    const echoed = await new Promise((resolve, reject) =>
      session.ping(payload, (error, _, back) => (error ? reject(error) : resolve(back.equals(payload)))),
    );
    const { status } = await ask(session, { ':path': '/' });
    session.close();
    return { settings, echoed, status, pushes, alpn: session.alpnProtocol };
  },

  // `count` requests at once while an upload of the same session stays open until all of them are answered.
  async multiplex() {
    const session = connect({});
    let upload;
    const open = ask(session, { ':method': 'POST', ':path': '/upload' }, (stream) => {
      upload = stream;
      stream.write('begun, ');
    });
    const paths = Array.from({ length: options.count }, (_, number) => `/${number}`);
    const answers = await Promise.all(paths.map((path) => ask(session, { ':path': path })));
    const right = answers.filter((answer, i) => answer.status === 200 && JSON.parse(answer.body).target === paths[i]);
    upload.end('ended');
    const { status, body } = await open;
    session.close();
    return { right: right.length, upload: { status, body: JSON.parse(body) } };
  },

  // A body with trailers; {fields} are further request fields.
  async trailers() {
    const session = connect({});
    const send = (stream) => {
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': 'abc' }));
      stream.end('hello');
    };
    const headers = { ':method': 'POST', ':path': '/', trailer: 'x-sum', te: 'trailers' };
    const result = await ask(session, headers, send, { waitForTrailers: true });
    session.close();
    return result;
  },

  // Resets a request after the first part of its response, then uses the session for another.
  async reset() {
    const session = connect({});
    const stream = session.request({ ':path': '/first' });
    stream.on('error', () => {});
    stream.end();
    await new Promise((resolve) => stream.once('data', resolve));
    stream.close(http2.constants.NGHTTP2_CANCEL);
    const { status } = await ask(session, { ':path': '/second' });
    session.close();
    return { status };
  },

  // RFC 8441: a WebSocket on a stream. Sends a text, a binary message and "close"; gives what came back.
  async websocket() {
    const session = connect({});
    const settings = await settingsOf(session);
    const stream = session.request({
      ':method': 'CONNECT',
      ':protocol': options.protocol || 'websocket',
      ':scheme': options.ca ? 'https' : 'http',
      ':path': '/chat?room=1',
      'sec-websocket-version': '13',
      origin: 'https://elsewhere.test',
    });
    const result = { enabled: settings.enableConnectProtocol, frames: [] };
    let received = Buffer.alloc(0);
    stream.on('response', (fields) => {
      Object.assign(result, { status: fields[':status'], headers: { ...fields } });
      if (result.status !== 200) return;
      const binary = Buffer.alloc(60000, 7);
      stream.write(Buffer.concat([frame(1, Buffer.from('text ✓')), frame(2, binary), frame(1, Buffer.from('close'))]));
    });
    stream.on('data', (data) => {
      received = Buffer.concat([received, data]);
      for (let next; (next = firstFrame(received)); received = next[2]) {
        const [opcode, payload] = next;
        if (opcode === 1) result.frames.push(payload.toString());
        if (opcode === 2) result.frames.push({ bytes: payload.length, same: payload.every((byte) => byte === 7) });
        if (opcode !== 8) continue;
        result.frames.push({ code: payload.readUInt16BE(0), reason: payload.subarray(2).toString() });
        stream.end(frame(8, payload));
      }
    });
    stream.on('error', () => {});
    await new Promise((resolve) => stream.on('close', resolve));
    if (stream.rstCode) result.reset = stream.rstCode;
    session.close();
    return result;
  },
};

scenarios[options.scenario]().then((result) => process.stdout.write(JSON.stringify(result) + '\n'));
