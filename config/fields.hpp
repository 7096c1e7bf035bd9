// fields: which YAML key stands for which member, for every struct of the configuration.
//
// Said once and used in both directions: `load` passes a visitor that reads, `dump` one that writes, so the two cannot
// disagree and no key can be forgotten in one of them. `required` is for what has no sensible default.
#pragma once

#include <config/config.hpp>

#include <concepts>
#include <type_traits>

namespace sandgate::config {

/// T is U, const or not.
template <class T, class U>
concept Is = std::same_as<std::remove_const_t<T>, U>;

template <class Visitor>
void describe(Visitor& visit, Is<Certificate> auto& certificate) {
  visit.required("chain", certificate.chain);
  visit.required("key", certificate.key);
}

template <class Visitor>
void describe(Visitor& visit, Is<Tls> auto& tls) {
  visit.required("certificates", tls.certificates);
  visit.field("minimum_version", tls.minimum_version);
  visit.field("ticket_keys", tls.ticket_keys);
}

template <class Visitor>
void describe(Visitor& visit, Is<ProxyProtocol> auto& proxy_protocol) {
  visit.required("from", proxy_protocol.from);
}

template <class Visitor>
void describe(Visitor& visit, Is<Listener> auto& listener) {
  visit.required("address", listener.address);
  visit.field("tls", listener.tls);
  visit.field("proxy_protocol", listener.proxy_protocol);
  visit.field("redirect_to_https", listener.redirect_to_https);
}

template <class Visitor>
void describe(Visitor& visit, Is<Edge> auto& edge) {
  visit.field("id", edge.id);
}

template <class Visitor>
void describe(Visitor& visit, Is<Admin> auto& admin) {
  visit.field("address", admin.address);
  visit.field("token_file", admin.token_file);
}

template <class Visitor>
void describe(Visitor& visit, Is<Health> auto& health) {
  visit.required("address", health.address);
}

template <class Visitor>
void describe(Visitor& visit, Is<StoreRegistry> auto& store) {
  visit.field("path", store.path);
}

template <class Visitor>
void describe(Visitor& visit, Is<FileRegistry> auto& file) {
  visit.field("path", file.path);
}

template <class Visitor>
void describe(Visitor& visit, Is<RedisTls> auto& tls) {
  visit.field("ca", tls.ca);
  visit.field("certificate", tls.certificate);
  visit.field("key", tls.key);
}

template <class Visitor>
void describe(Visitor& visit, Is<RedisRegistry> auto& redis) {
  visit.field("url", redis.url);
  visit.field("key_prefix", redis.key_prefix);
  visit.field("username", redis.username);
  visit.field("password_file", redis.password_file);
  visit.field("tls", redis.tls);
  visit.field("cluster", redis.cluster);
  visit.field("stale_for", redis.stale_for);
  visit.field("max_entries", redis.max_entries);
  visit.field("max_bytes", redis.max_bytes);
}

template <class Visitor>
void describe(Visitor& visit, Is<KubernetesCustom> auto& custom) {
  visit.field("group", custom.group);
  visit.field("version", custom.version);
  visit.field("resource", custom.resource);
  visit.field("id", custom.id);
  visit.field("address", custom.address);
  visit.field("generation", custom.generation);
  visit.field("state", custom.state);
  visit.field("running", custom.running);
}

template <class Visitor>
void describe(Visitor& visit, Is<KubernetesRegistry> auto& kubernetes) {
  visit.field("kind", kubernetes.kind);
  visit.field("namespaces", kubernetes.namespaces);
  visit.field("label_selector", kubernetes.label_selector);
  visit.field("default_access", kubernetes.default_access);
  visit.field("kubeconfig", kubernetes.kubeconfig);
  visit.field("service_account", kubernetes.service_account);
  visit.field("watch_timeout", kubernetes.watch_timeout);
  visit.field("custom", kubernetes.custom);
}

template <class Visitor>
void describe(Visitor& visit, Is<Registry> auto& registry) {
  visit.field("source", registry.source);
  visit.field("store", registry.store);
  visit.field("file", registry.file);
  visit.field("redis", registry.redis);
  visit.field("kubernetes", registry.kubernetes);
}

template <class Visitor>
void describe(Visitor& visit, Is<ReservedPaths> auto& reserved) {
  visit.field("port", reserved.port);
  visit.field("paths", reserved.paths);
}

template <class Visitor>
void describe(Visitor& visit, Is<Access> auto& access) {
  visit.field("token_header", access.token_header);
  visit.field("exempt_ports", access.exempt_ports);
  visit.field("reserved_paths", access.reserved_paths);
}

template <class Visitor>
void describe(Visitor& visit, Is<Upstream> auto& upstream) {
  visit.field("allow", upstream.allow);
  visit.field("idle_per_port", upstream.idle_per_port);
  visit.field("idle_total", upstream.idle_total);
}

template <class Visitor>
void describe(Visitor& visit, Is<Timeouts> auto& timeouts) {
  visit.field("tls_handshake", timeouts.tls_handshake);
  visit.field("proxy_header", timeouts.proxy_header);
  visit.field("client_head", timeouts.client_head);
  visit.field("client_body_idle", timeouts.client_body_idle);
  visit.field("client_idle", timeouts.client_idle);
  visit.field("client_write", timeouts.client_write);
  visit.field("registry_lookup", timeouts.registry_lookup);
  visit.field("connect", timeouts.connect);
  visit.field("connect_total", timeouts.connect_total);
  visit.field("response_head", timeouts.response_head);
  visit.field("stream_idle", timeouts.stream_idle);
  visit.field("tunnel_idle", timeouts.tunnel_idle);
  visit.field("sandbox_idle", timeouts.sandbox_idle);
  visit.field("sandbox_ack", timeouts.sandbox_ack);
  visit.field("drain_announce", timeouts.drain_announce);
  visit.field("drain_grace", timeouts.drain_grace);
}

template <class Visitor>
void describe(Visitor& visit, Is<Limits> auto& limits) {
  visit.field("head_bytes", limits.head_bytes);
  visit.field("head_fields", limits.head_fields);
  visit.field("target_bytes", limits.target_bytes);
  visit.field("response_head_bytes", limits.response_head_bytes);
  visit.field("response_head_fields", limits.response_head_fields);
  visit.field("connections", limits.connections);
  visit.field("connections_per_client", limits.connections_per_client);
  visit.field("connections_per_sandbox", limits.connections_per_sandbox);
  visit.field("handshakes", limits.handshakes);
  visit.field("handshakes_per_client", limits.handshakes_per_client);
  visit.field("memory", limits.memory);
  visit.field("exchanges_per_connection", limits.exchanges_per_connection);
  visit.field("streams_per_connection", limits.streams_per_connection);
  visit.field("h2_resets_per_minute", limits.h2_resets_per_minute);
  visit.field("h2_stream_window", limits.h2_stream_window);
  visit.field("h2_connection_window", limits.h2_connection_window);
  visit.field("h2_max_window", limits.h2_max_window);
}

template <class Visitor>
void describe(Visitor& visit, Is<AccessLog> auto& access_log) {
  visit.field("path", access_log.path);
  visit.field("format", access_log.format);
}

template <class Visitor>
void describe(Visitor& visit, Is<Config> auto& config) {
  visit.required("domains", config.domains);
  visit.field("workers", config.workers);
  visit.required("listeners", config.listeners);
  visit.field("edge", config.edge);
  visit.field("admin", config.admin);
  visit.field("health", config.health);
  visit.field("registry", config.registry);
  visit.field("access", config.access);
  visit.field("upstream", config.upstream);
  visit.field("trusted_proxies", config.trusted_proxies);
  visit.field("timeouts", config.timeouts);
  visit.field("limits", config.limits);
  visit.field("access_log", config.access_log);
  visit.field("core_dumps", config.core_dumps);
}

}  // namespace sandgate::config
