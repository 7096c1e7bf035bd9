// grpc_client: makes the calls its argument asks for and prints what became of them.
//
// {address, authority, ca, call: "unary" | "download" | "upload" | "chat" | "many", request, count, metadata, deadline_ms,
// cancel_after, fail, filling}: `filling` is so many bytes in the request. Without `ca` it speaks h2c with prior knowledge.
'use strict';

const fs = require('fs');
const grpc = require('@grpc/grpc-js');
const definition = require('./echo_service');

const options = JSON.parse(process.argv[2]);

function connect() {
  const channel = {
    'grpc.default_authority': options.authority,
    'grpc.enable_http_proxy': 0,
    'grpc.max_receive_message_length': -1,
    'grpc.max_send_message_length': -1,
  };
  if (!options.ca) return [grpc.credentials.createInsecure(), channel];
  channel['grpc.ssl_target_name_override'] = options.authority.split(':')[0];
  return [grpc.credentials.createSsl(fs.readFileSync(options.ca)), channel];
}

const Client = grpc.makeGenericClientConstructor(definition, 'Echo');
const client = new Client(options.address, ...connect());

function plain(metadata) {
  const result = {};
  for (const name of Object.keys(metadata.getMap())) {
    const value = metadata.get(name)[0];
    result[name] = Buffer.isBuffer(value) ? value.toString('hex') : value;
  }
  return result;
}

function requestMetadata() {
  const metadata = new grpc.Metadata();
  for (const [name, value] of Object.entries(options.metadata || {})) {
    metadata.set(name, name.endsWith('-bin') ? Buffer.from(value, 'hex') : value);
  }
  return metadata;
}

const callOptions = () => (options.deadline_ms ? { deadline: Date.now() + options.deadline_ms } : {});

// Collects a call's metadata, messages and status into one result, once there is a status.
function outcome(call) {
  return new Promise((resolve) => {
    const result = { received: 0, in_order: true, initial: {} };
    call.on('metadata', (metadata) => (result.initial = plain(metadata)));
    call.on('error', () => {});
    call.on('status', (status) => {
      Object.assign(result, { code: status.code, details: status.details, trailing: plain(status.metadata) });
      resolve(result);
    });
    if (call.read) {
      call.on('data', (message) => {
        result.in_order = result.in_order && message.number === result.received;
        result.received += 1;
        if (result.received === options.cancel_after) call.cancel();
      });
    }
  });
}

async function writeAll(call) {
  for (let number = 0; number < options.count; ++number) {
    if (!call.write({ number })) await new Promise((resolve) => call.once('drain', resolve));
  }
  if (options.fail) call.write({ fail: options.fail });
  else if (!options.cancel_after) call.end();
}

async function withResponse(start) {
  let response = null;
  const call = start((error, value) => (response = value || null));
  const result = await outcome(call);
  await new Promise(setImmediate); // the callback comes with the status
  return { ...result, response };
}

const calls = {
  unary: () =>
    withResponse((callback) => {
      const filling = options.filling ? { filling: 'x'.repeat(options.filling) } : {};
      const call = client.Unary({ ...options.request, ...filling }, requestMetadata(), callOptions(), callback);
      if (options.cancel_after) setTimeout(() => call.cancel(), options.cancel_after);
      return call;
    }),
  download: () => outcome(client.Download(options.request, requestMetadata(), callOptions())),
  upload: () =>
    withResponse((callback) => {
      const call = client.Upload(requestMetadata(), callOptions(), callback);
      writeAll(call);
      return call;
    }),
  chat: () => {
    const call = client.Chat(requestMetadata(), callOptions());
    writeAll(call);
    return outcome(call);
  },
  // `count` unary calls at once; how many were answered with their own request, and the codes of the rest.
  many: async () => {
    const result = { right: 0, wrong: [] };
    const one = (number) =>
      new Promise((resolve) => {
        client.Unary({ number }, requestMetadata(), callOptions(), (error, value) => {
          if (!error && value.request.number === number) result.right += 1;
          else result.wrong.push(error ? `${error.code} ${error.details}` : value);
          resolve();
        });
      });
    await Promise.all(Array.from({ length: options.count }, (_, number) => one(number)));
    return result;
  },
};

calls[options.call]().then((result) => {
  process.stdout.write(JSON.stringify(result) + '\n');
  client.close();
});
