// source_allowance: how many malformed requests of one client are worth a line each (hardening 1.10).
//
// Every exchange has its line, but a client that sends nothing but garbage must not push the lines of others out of the
// ring. Clients (IPv4 addresses, IPv6 /64s) share a fixed number of allowances by hash: one that shares it with a flood
// loses lines about its own garbage for as long, and no others. One worker's. Pure: time is an argument.
#pragma once

#include <config/ip_address.hpp>
#include <proxy/base/allowance.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace sandgate::proxy {

class SourceAllowance {
 public:
  static constexpr double kBurst = 500;
  static constexpr double kPerSecond = 50;

  bool take(const config::IpAddress& client, TimePoint now) { return allowances_[place_of(client)].take(now); }

 private:
  static constexpr int kPlaceBits = 10;

  static std::size_t place_of(const config::IpAddress& client) {
    std::uint64_t id = 0;  // All of an IPv4 address, or the network of an IPv6 one.
    std::memcpy(&id, client.bytes().data(), sizeof id);
    return id * 0x9e3779b97f4a7c15ULL >> (64 - kPlaceBits);  // Fibonacci hashing: the upper bits are the mixed ones.
  }

  std::vector<Allowance> allowances_ = std::vector<Allowance>(1 << kPlaceBits, Allowance(kBurst, kPerSecond));
};

}  // namespace sandgate::proxy
