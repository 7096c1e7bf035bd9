#include <proxy/net/tls_bio.hpp>
#include <proxy/net/transport.hpp>

#include <openssl/bio.h>
#include <openssl/ssl.h>

#include <new>
#include <string_view>

namespace sandgate::proxy::net {

void SocketBio::attach(SSL* ssl, Transport& transport) {
  BIO* bio = BIO_new(method());
  if (bio == nullptr) throw std::bad_alloc();
  BIO_set_data(bio, &transport);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl, bio, bio);
  SSL_set_info_callback(ssl, &SocketBio::note);
}

BIO_METHOD* SocketBio::method() {
  static BIO_METHOD* const instance = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "sandgate socket");
    if (made == nullptr) throw std::bad_alloc();
    BIO_meth_set_write_ex(made, &SocketBio::write);
    BIO_meth_set_read_ex(made, &SocketBio::read);
    BIO_meth_set_ctrl(made, &SocketBio::control);
    return made;
  }();
  return instance;
}

int SocketBio::write(BIO* bio, const char* bytes, std::size_t size, std::size_t* written) {
  auto& transport = *static_cast<Transport*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const Transport::Attempted sent = transport.send_sealed({bytes, size});
  *written = sent.size;
  if (sent.outcome == Transport::Attempt::would_block) BIO_set_retry_write(bio);
  return sent.outcome == Transport::Attempt::done ? 1 : 0;
}

int SocketBio::read(BIO* bio, char* bytes, std::size_t size, std::size_t* got) {
  auto& transport = *static_cast<Transport*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const Transport::Attempted received = transport.receive(bytes, size);
  *got = received.size;
  if (received.outcome == Transport::Attempt::would_block) BIO_set_retry_read(bio);
  if (received.outcome == Transport::Attempt::end) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return received.outcome == Transport::Attempt::done ? 1 : 0;
}

void SocketBio::note(const SSL* ssl, int where, int /*value*/) {
  // A message is read in the first; the second is how a renegotiation is refused.
  if (where != SSL_CB_ACCEPT_LOOP && where != SSL_CB_WRITE_ALERT) return;
  static_cast<Transport*>(BIO_get_data(SSL_get_rbio(ssl)))->note_control_message();
}

long SocketBio::control(BIO* bio, int command, long /*number*/, void* /*pointer*/) {
  switch (command) {
    case BIO_CTRL_FLUSH:
    case BIO_CTRL_DUP:
      return 1;
    case BIO_CTRL_EOF:
      return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
    default:
      return 0;
  }
}

}  // namespace sandgate::proxy::net
