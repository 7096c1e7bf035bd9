// config: what an operator can set, as plain values with their defaults (interface.md, "Configuration").
//
// These structs are the documentation of the configuration: a member's name is its YAML key, its comment says unit and
// meaning, its initialiser is the default. `load` fills them from YAML, `validate` checks the rules between fields.
// A loaded Config is never changed: a reload makes another one, and the two are shared as shared_ptr<const Config>.
#pragma once

#include <config/ip_address.hpp>
#include <config/units.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sandgate::config {

using std::chrono::milliseconds;

struct Certificate {
  std::string chain;  ///< PEM file: leaf first, then intermediates.
  std::string key;    ///< PEM file: the leaf's private key.
};

enum class TlsVersion : std::uint8_t { tls_1_2, tls_1_3 };

struct Tls {
  std::vector<Certificate> certificates;             ///< Chosen by SNI, wildcards too; the first is the default.
  TlsVersion minimum_version = TlsVersion::tls_1_2;  ///< "1.2" or "1.3".
  std::string ticket_keys;  ///< File of session ticket keys shared by several edges; empty = own, rotating.
};

struct ProxyProtocol {
  std::vector<IpRange> from;  ///< Peers that must send a PROXY header; from any other peer one is refused.
};

struct Listener {
  Endpoint address;
  std::optional<Tls> tls;                       ///< Absent: plain HTTP/1.1.
  std::optional<ProxyProtocol> proxy_protocol;  ///< Absent: off, never auto-detected.
  bool redirect_to_https = false;               ///< Plain listeners only: answer 308 to the https:// URL.
};

struct Edge {
  std::string id = "sandgate";  ///< The name in CDN-Loop (RFC 8586); one per deployment. An RFC 9110 token.
};

struct Admin {
  Endpoint address;        ///< Default 127.0.0.1:9090. Elsewhere than loopback or a Unix socket only with token_file.
  std::string token_file;  ///< File holding the bearer token that requests must carry; empty = none asked.
};

struct Health {
  Endpoint address;  ///< Read-only /livez /readyz /metrics.
};

enum class RegistrySource : std::uint8_t { store, file, redis, kubernetes };

struct StoreRegistry {
  std::string path = "/var/lib/sandgate/sandboxes.db";  ///< SQLite database; made when absent.
};

struct FileRegistry {
  std::string path = "/etc/sandgate/sandboxes.yaml";  ///< `sandboxes:` is a map id -> record; watched.
};

/// A URL that may carry a password ("redis://user:password@host"): shown by dump_json without its user info.
struct SecretUrl {
  std::string text;
  friend bool operator==(const SecretUrl&, const SecretUrl&) = default;
};

/// Only with rediss://.
struct RedisTls {
  std::string ca;           ///< PEM file of the authorities that may have signed the server's certificate; empty = the
                            ///< system's.
  std::string certificate;  ///< PEM file: the edge's own, where the server asks for one; leaf first.
  std::string key;          ///< PEM file: its private key.
  friend bool operator==(const RedisTls&, const RedisTls&) = default;
};

struct RedisRegistry {
  SecretUrl url{"redis://127.0.0.1:6379/0"};    ///< redis://, rediss:// for TLS, or unix:/path (redis_url.hpp).
  std::string key_prefix = "sandbox:catalog:";  ///< A sandbox's record is at key_prefix + id.
  std::string username;                         ///< ACL user, where the URL does not name one; empty = "default".
  std::string password_file;                    ///< File that holds the password, where the URL does not; empty = none.
  RedisTls tls;
  bool cluster = false;  ///< Redis Cluster: `url` is one of its nodes, from which the others are found.
  milliseconds stale_for{
      300'000};  ///< Redis away -> known routes are no longer served -> registry_unavailable. 0 = not at all.
  std::uint32_t max_entries = 1'000'000;  ///< Records held in memory, those that are known not to exist included.
  Bytes max_bytes = mebibytes(1024);      ///< About what they may take; the least used give way.
  friend bool operator==(const RedisRegistry&, const RedisRegistry&) = default;
};

/// What of the cluster is a sandbox.
enum class KubernetesKind : std::uint8_t { agent_sandbox, pods, custom };
enum class DefaultAccess : std::uint8_t { private_access, public_access };

/// Another platform's objects, for `kind: custom`. Paths are as in json_path.hpp.
struct KubernetesCustom {
  std::string group;                        ///< "agents.kruise.io"; empty: the core group.
  std::string version;                      ///< "v1alpha1"
  std::string resource;                     ///< Its plural: "sandboxes".
  std::string id;                           ///< Path to the sandbox's id; empty: made of namespace and name.
  std::string address;                      ///< Path to its IP address. Not there: not routed yet.
  std::string generation = "metadata.uid";  ///< Path to what changes with the instance.
  std::string state;                        ///< Path to its state; empty: it runs as soon as it has an address.
  std::vector<std::string> running;         ///< The states in which it may be reached.
  friend bool operator==(const KubernetesCustom&, const KubernetesCustom&) = default;
};

struct KubernetesRegistry {
  KubernetesKind kind = KubernetesKind::agent_sandbox;  ///< agent-sandbox | pods | custom
  /// Where sandboxes are looked for; empty: everywhere. Only in namespaces that are listed may an object choose its id.
  std::vector<std::string> namespaces;
  std::string label_selector;  ///< As of kubectl: only objects it selects are sandboxes; empty: all.
  DefaultAccess default_access = DefaultAccess::private_access;  ///< Of a sandbox that does not say: private | public
  std::string kubeconfig;  ///< File for use outside of a cluster: its current context. Empty: as a pod of the cluster.
  std::string service_account = "/var/run/secrets/kubernetes.io/serviceaccount";  ///< Folder of `token` and `ca.crt`.
  /// A watch begins -> the API server ends it and it is begun anew. One that is silent for longer is given up.
  milliseconds watch_timeout{60'000};
  KubernetesCustom custom;
  friend bool operator==(const KubernetesRegistry&, const KubernetesRegistry&) = default;
};

struct Registry {
  RegistrySource source = RegistrySource::store;
  StoreRegistry store;
  FileRegistry file;
  RedisRegistry redis;
  KubernetesRegistry kubernetes;
};

struct ReservedPaths {
  std::uint16_t port = 49983;
  std::vector<std::string> paths = {"/init", "/upgrade", "/freeze", "/unfreeze", "/collapse", "/fsfreeze", "/fsthaw"};
};

struct Access {
  std::string token_header = "e2b-traffic-access-token";  ///< Lower case.
  std::vector<std::uint16_t> exempt_ports = {49983};      ///< No token asked and no mask applied.
  ReservedPaths reserved_paths;
};

struct Upstream {
  std::vector<IpRange> allow;         ///< Default: 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, fc00::/7.
  std::uint32_t idle_per_port = 256;  ///< Idle connections kept per sandbox port, in one process.
  std::uint32_t idle_total = 16384;   ///< Idle connections kept in one process.
};

/// Every member: from -> to -> failure.
struct Timeouts {
  milliseconds tls_handshake{10'000};  ///< accept -> handshake done -> closed without an answer.
  milliseconds proxy_header{5'000};    ///< accept -> whole PROXY header -> closed without an answer.
  milliseconds client_head{10'000};    ///< handshake end, later the first byte -> blank line -> head_timeout (408).
  milliseconds client_body_idle{
      60'000};                        ///< body byte -> next body byte, until the response head -> client_body_timeout.
  milliseconds client_idle{75'000};   ///< response end -> next request's first byte -> closed.
  milliseconds client_write{60'000};  ///< byte handed to the client -> some progress -> client_write_timeout.
  milliseconds registry_lookup{1'000};  ///< lookup begins -> answer -> registry_unavailable.
  milliseconds connect{3'000};          ///< one try to connect -> established -> sandbox_unreachable.
  milliseconds connect_total{10'000};   ///< first try -> established -> port_closed or sandbox_unreachable.
  milliseconds response_head{0};        ///< request sent -> response head -> response_timeout (504). 0 = off.
  milliseconds stream_idle{3'600'000};  ///< last byte of either direction -> next -> stream_idle_timeout. 0 = off.
  milliseconds tunnel_idle{0};          ///< the same for tunnels. 0 = off: TCP keep-alive alone.
  milliseconds sandbox_idle{4'000};     ///< response end -> reuse of the sandbox connection -> closed silently.
  milliseconds sandbox_ack{20'000};     ///< HTTP/2 to a sandbox: bytes sent -> its kernel took them -> sandbox_reset.
                                        ///< 0 = as long as TCP tries.
  milliseconds drain_announce{15'000};  ///< SIGTERM -> stop accepting. readyz is 503 from the start.
  milliseconds drain_grace{300'000};    ///< stop accepting -> everything still open is closed.
};

struct Limits {
  Bytes head_bytes = kibibytes(64);           ///< Request head, start line to blank line -> head_too_large (431).
  std::uint32_t head_fields = 128;            ///< Fields in a request head -> head_too_large (431).
  Bytes target_bytes = kibibytes(16);         ///< Request target -> target_too_long (414).
  Bytes response_head_bytes = kibibytes(64);  ///< Response head from a sandbox -> response_invalid (502).
  std::uint32_t response_head_fields = 200;   ///< Fields in a response head -> response_invalid (502).
  std::optional<std::uint32_t> connections;   ///< Client connections in the process; "auto" = none here: what fits.
  std::uint32_t connections_per_client = 0;   ///< Per client address (IPv6: its /64); 0 = off -> client_limit (429).
  std::optional<std::uint32_t> handshakes;    ///< TLS handshakes under way; "auto" = none here: a fifth of
                                              ///< connections, at least 16. More wait to be accepted.
  std::optional<std::uint32_t> handshakes_per_client;  ///< Of one client address; "auto" = none here: a quarter of
                                                       ///< handshakes, at least 16. More are closed unheard.
  std::optional<Bytes> memory;  ///< For connections and what they carry; "auto" = none here: half of
                                ///< the cgroup's; 0 = off -> overloaded (503), REFUSED_STREAM.
  std::int32_t connections_per_sandbox =
      0;  ///< For records without max_connections; 0 = off -> too_many_connections (429).
  std::uint32_t exchanges_per_connection = 10'000;  ///< Then Connection: close, GOAWAY in HTTP/2.
  std::uint32_t streams_per_connection = 100;       ///< HTTP/2: exchanges at once on one client connection; more are
                                                    ///< refused (REFUSED_STREAM).
  std::uint32_t h2_resets_per_minute = 2'000;       ///< HTTP/2: streams reset on one connection, by either side, above
                                                    ///< a burst of 100; then GOAWAY(ENHANCE_YOUR_CALM).
  Bytes h2_stream_window = kibibytes(256);    ///< HTTP/2: what a client may send of one body before it was passed on.
  Bytes h2_connection_window = mebibytes(1);  ///< The same for all bodies of a connection.
  Bytes h2_max_window = mebibytes(4);         ///< What both grow to for a client that is the only brake.
};

struct AccessLog {
  std::string path = "stdout";  ///< stdout | off | FILE (appended; reopened on SIGHUP).
  std::string format = "json";  ///< json is the only one.
};

struct Config {
  std::vector<std::string> domains;      ///< Lower case, without a trailing dot. At least one.
  std::optional<std::uint32_t> workers;  ///< Threads; "auto" = none here: the cores this process may use.
  std::vector<Listener> listeners;       ///< At least one.
  Edge edge;
  Admin admin;
  std::optional<Health> health;  ///< Absent: the three paths are only on admin.
  Registry registry;
  Access access;
  Upstream upstream;
  std::vector<IpRange> trusted_proxies;  ///< Whose X-Forwarded-* is believed.
  Timeouts timeouts;
  Limits limits;
  AccessLog access_log;
  bool core_dumps =
      false;  ///< A crash may leave a core, and others of the same user may look into the process: it holds
              ///< keys, and what clients and sandboxes say. Read at start.
};

/// The defaults that are not plain initialisers (admin address, upstream.allow) filled in.
Config default_config();

}  // namespace sandgate::config
