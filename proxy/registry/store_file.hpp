// store_file: the SQLite file of the store: made, recognised, opened; and what to say when that fails.
//
//   sandboxes(id TEXT PRIMARY KEY, record TEXT, expires_at INTEGER, updated_at INTEGER), both times in Unix seconds
//
// WAL with synchronous=FULL: a commit that returned survives a crash of the process and of the machine. The file is
// made 0600, because even the digest of a token is nobody else's business.
#pragma once

#include <proxy/registry/sqlite.hpp>

#include <string>

namespace sandgate::proxy::registry {

/// Throws sqlite::Error, its text ready for an operator. Makes the file when it is absent, but no directory.
sqlite::Database open_store_file(const std::string& path);

/// What went wrong with the file at `path`, and what to do about it.
std::string explain(const sqlite::Error& error, const std::string& path);

}  // namespace sandgate::proxy::registry
