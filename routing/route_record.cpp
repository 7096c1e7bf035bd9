#include <routing/authority.hpp>
#include <routing/record_fields.hpp>
#include <routing/route_record.hpp>
#include <routing/timestamp.hpp>

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <stdexcept>
#include <utility>

namespace sandgate::routing {
namespace {

namespace json = boost::json;

constexpr std::string_view kToken = "traffic_access_token";
constexpr std::string_view kTokenDigests = "traffic_access_token_sha256";
constexpr std::size_t kMaxTokens = 2;
constexpr std::size_t kMaxDepth = 16;
/// Records are about this large in memory or smaller; the few others take the rest from the heap.
constexpr std::size_t kTypicalParsedBytes = 4096;

json::value parse_json(std::string_view text, boost::system::error_code& error, json::storage_ptr storage) {
  json::parse_options options;
  options.max_depth = kMaxDepth;
  return json::parse(json::string_view(text.data(), text.size()), error, std::move(storage), options);
}

void read_id(RecordFields& fields, const SandboxId& id) {
  const auto text = fields.string("sandbox_id");
  if (!text) return;
  if (SandboxId::parse(*text) != id) {
    fields.fail("sandbox_id", "must be the id the record is held under, \"" + std::string(id.view()) + "\"");
  }
}

void read_address(RecordFields& fields, Route& route) {
  const auto sandbox_ip = fields.string("address");
  const auto node_ip = fields.string("orchestrator_ip");
  if (!sandbox_ip && !node_ip) {
    return fields.fail("address", "is missing: write the sandbox's IP address, or its node's as orchestrator_ip");
  }
  route.via_node = !sandbox_ip;
  const auto address = config::IpAddress::parse(sandbox_ip ? *sandbox_ip : *node_ip);
  if (!address) {
    return fields.fail(sandbox_ip ? "address" : "orchestrator_ip", "must be an IPv4 or IPv6 address, without a port");
  }
  route.address = *address;
}

void read_generation(RecordFields& fields, Route& route) {
  const auto execution_id = fields.nonempty_string("execution_id");
  route.generation = execution_id ? std::string(*execution_id) : route.address.to_string();
}

/// "<hex>" or "<hex>,<hex>". Empty: the text is not that.
auth::ShortList<auth::TokenDigest> parse_digests(std::string_view text) {
  auth::ShortList<auth::TokenDigest> digests;
  for (;;) {
    const std::size_t comma = text.find(',');
    const auto digest = auth::parse_digest(text.substr(0, comma));
    if (!digest || digests.size() == kMaxTokens) return {};
    digests.push_back(*digest);
    if (comma == std::string_view::npos) return digests;
    text.remove_prefix(comma + 1);
  }
}

void read_tokens(RecordFields& fields, auth::AccessPolicy& access) {
  const auto digests = fields.nonempty_string(kTokenDigests);
  if (digests) {
    access.tokens = parse_digests(*digests);
    if (access.tokens.empty()) {
      return fields.fail(kTokenDigests, "must be one or two SHA-256 digests of 64 hex digits, with a comma between");
    }
  }
  const auto token = fields.nonempty_string(kToken);
  if (!token) return;
  const auth::TokenDigest digest = auth::digest_token(*token);
  if (!digests) {
    access.tokens.push_back(digest);
  } else if (std::find(access.tokens.begin(), access.tokens.end(), digest) == access.tokens.end()) {
    fields.fail(kTokenDigests, "does not include the digest of traffic_access_token: write one of the two fields");
  }
}

void read_mask(RecordFields& fields, Route& route) {
  const auto text = fields.string("mask_request_host");
  if (!text) return;
  route.mask = HostMask::compile(*text);
  if (!route.mask) {
    fields.fail("mask_request_host",
                "must be host or host:port once ${PORT} is filled in, as in \"localhost:${PORT}\"");
  }
}

void read_ports(RecordFields& fields, Route& route) {
  const json::object* const ports = fields.object("ports");
  if (!ports) return;
  std::vector<std::uint16_t> h2c_ports;
  for (const auto& [key, value] : *ports) {
    const std::string path = "ports." + std::string(key.data(), key.size());
    const auto port = parse_sandbox_port({key.data(), key.size()});
    if (!port) return fields.fail(path, "must be a port, \"1\" to \"65535\"");
    if (!value.is_object()) return fields.fail(path, "must be an object, as in {\"protocol\": \"h2c\"}");

    RecordFields port_fields(value.get_object(), path + ".");
    const auto protocol = port_fields.string("protocol");
    if (protocol && *protocol != "http1" && *protocol != "h2c") {
      port_fields.fail("protocol", "must be \"http1\" or \"h2c\"");
    }
    if (protocol == "h2c") h2c_ports.push_back(*port);
    if (const auto is_public = port_fields.boolean("public")) route.access.ports.push_back({*port, *is_public});
    fields.fail(port_fields.error());
  }
  route.h2c_ports = PortList(std::move(h2c_ports));
  std::sort(route.access.ports.begin(), route.access.ports.end(),
            [](const auth::PortAccess& a, const auth::PortAccess& b) { return a.port < b.port; });
}

void read_state(RecordFields& fields, Route& route) {
  const auto state = fields.string("state");
  if (state && *state != "running" && *state != "paused") {
    return fields.fail("state", "must be \"running\" or \"paused\"");
  }
  route.state = state == "paused" ? SandboxState::paused : SandboxState::running;
}

void read_expiry(RecordFields& fields, Route& route) {
  const auto text = fields.string("expires_at");
  if (!text) return;
  route.expires_at = parse_rfc3339(*text);
  if (!route.expires_at) {
    fields.fail("expires_at", "must be a date and time of RFC 3339, as in \"2026-01-31T12:00:00Z\"");
  }
}

void read_limits(RecordFields& fields, Route& route) {
  const auto limit = fields.integer("max_connections", Route::kUnlimited);
  route.has_max_connections = limit.has_value();
  route.max_connections = limit.value_or(Route::kUnlimited);
}

}  // namespace

void throw_exception_from_error(const RecordError& error, const boost::source_location& /*where*/) {
  throw std::logic_error("unexpected record error: " + error.field + " " + error.text);
}

boost::system::result<RoutePtr, RecordError> parse_record(const SandboxId& id, std::string_view json) {
  if (json.size() > kMaxRecordBytes) return RecordError{{}, "the record is larger than 64 KiB"};
  std::array<unsigned char, kTypicalParsedBytes> buffer;
  json::monotonic_resource storage(buffer.data(), buffer.size());
  boost::system::error_code error;
  const json::value parsed = parse_json(json, error, &storage);
  if (error) return RecordError{{}, "the record is not valid JSON: " + error.message()};
  if (!parsed.is_object()) return RecordError{{}, "the record must be a JSON object"};

  const auto route = std::make_shared<Route>();
  route->id = id;
  RecordFields fields(parsed.get_object());
  read_id(fields, id);
  read_address(fields, *route);
  read_generation(fields, *route);
  route->access.allow_public_traffic = fields.boolean("allow_public_traffic").value_or(true);
  read_tokens(fields, route->access);
  read_mask(fields, *route);
  read_ports(fields, *route);
  read_limits(fields, *route);
  read_state(fields, *route);
  read_expiry(fields, *route);
  if (fields.error()) return *fields.error();
  return RoutePtr(route);
}

std::string redact_record(std::string_view json) {
  boost::system::error_code error;
  const json::value record = json.size() > kMaxRecordBytes ? json::value() : parse_json(json, error, {});
  if (error || !record.is_object()) return "{}";
  json::object shown;
  for (const auto& [key, value] : record.get_object()) {
    if (key != kToken && key != kTokenDigests) {
      shown.emplace(key, value);
    } else if (const auto* const text = value.if_string(); text && !text->empty()) {
      // Where both are given, the digests include the token's and are the longer list.
      if (key == kTokenDigests) {
        shown.insert_or_assign(kTokenDigests, *text);
      } else {
        shown.emplace(kTokenDigests, auth::to_hex(auth::digest_token({text->data(), text->size()})));
      }
    }
  }
  return json::serialize(shown);
}

}  // namespace sandgate::routing
