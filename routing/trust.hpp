// trust: whether what a registry source said may still be used without asking it again.
//
// A source that holds only a part of what there is (a cache) gives every entry the Trust of the session it was read in.
// What ends the session ends the trust in all its entries at once, however many they are. Set by the source's thread,
// read by workers under the lock of an entry's shard.
#pragma once

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>

#include <atomic>
#include <cstdint>

namespace sandgate::routing {

enum class Standing : std::uint8_t {
  fresh,     ///< The source would say the same now.
  doubtful,  ///< It may have changed: ask before use.
  stale,     ///< It may have changed and nobody can be asked: routes are used, that there is none is not.
};

class Trust : public boost::intrusive_ref_counter<Trust> {
 public:
  explicit Trust(Standing standing) : standing_(standing) {}
  Standing standing() const { return standing_.load(std::memory_order_acquire); }
  void become(Standing standing) { standing_.store(standing, std::memory_order_release); }

 private:
  std::atomic<Standing> standing_;
};

/// Null: trusted as long as it is there.
using TrustPtr = boost::intrusive_ptr<Trust>;

}  // namespace sandgate::routing
