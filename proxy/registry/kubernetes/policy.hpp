// policy: the annotations `sandgate.dev/...` of an object -> fields of its record (docs/registry.md, "Annotations").
//
// Named after the record's fields. One that is not known, or may not be said in an annotation, is an error and not
// passed over: who mistypes the name of a rule does not get a sandbox without it.
#pragma once

#include <proxy/registry/kubernetes/object.hpp>
#include <routing/route_record.hpp>

#include <boost/json/object.hpp>

#include <optional>
#include <string_view>

namespace sandgate::proxy::registry::kubernetes {

inline constexpr std::string_view kAnnotationPrefix = "sandgate.dev/";
inline constexpr std::string_view kIdAnnotation = "sandgate.dev/id";
inline constexpr std::string_view kDefaultSecretKey = "token";

/// Adds to `record` what the annotations say, and to `token` where the token is. The values' rules are the record's own.
std::optional<routing::RecordError> read_policy(const boost::json::object& annotations, const ObjectName& name,
                                                boost::json::object& record, std::optional<SecretRef>& token);

}  // namespace sandgate::proxy::registry::kubernetes
