// tls_bio: how OpenSSL reads and writes a Transport's socket.
//
// A BIO of the socket's own kind, except that it does not ask the kernel when the loop has not seen an event: a read
// that would give EAGAIN is never made. And it tells the Transport of messages that carry nothing, which OpenSSL answers
// without end within one read: KeyUpdates, refused renegotiations.
#pragma once

#include <openssl/bio.h>
#include <openssl/types.h>

#include <cstddef>

namespace sandgate::proxy::net {

class Transport;

class SocketBio {
 public:
  /// Makes `ssl` read and write `transport`, which must outlive it.
  static void attach(SSL* ssl, Transport& transport);

 private:
  static BIO_METHOD* method();
  static int write(BIO* bio, const char* bytes, std::size_t size, std::size_t* written);
  static int read(BIO* bio, char* bytes, std::size_t size, std::size_t* got);
  static void note(const SSL* ssl, int where, int value);
  static long control(BIO* bio, int command, long number, void* pointer);
};

}  // namespace sandgate::proxy::net
