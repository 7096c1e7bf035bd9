// idle_list: which idle connections exist, per key and over all, newest and oldest first. Pure bookkeeping.
//
// Of one key the newest is used first (its congestion window is warm, and the others can age out); over all keys the
// oldest goes first when there are too many. Entries are intrusive: nothing is allocated to add or take one.
#pragma once

#include <boost/intrusive/list.hpp>

#include <cstddef>

namespace sandgate::proxy::upstream {

using AutoUnlink = boost::intrusive::link_mode<boost::intrusive::auto_unlink>;
struct OfKey;
struct OfAll;

/// Base of what can be idle.
class IdleEntry : public boost::intrusive::list_base_hook<AutoUnlink, boost::intrusive::tag<OfKey>>,
                  public boost::intrusive::list_base_hook<AutoUnlink, boost::intrusive::tag<OfAll>> {
 public:
  using KeyHook = boost::intrusive::list_base_hook<AutoUnlink, boost::intrusive::tag<OfKey>>;
  using AllHook = boost::intrusive::list_base_hook<AutoUnlink, boost::intrusive::tag<OfAll>>;
  bool is_idle() const { return AllHook::is_linked(); }

 protected:
  IdleEntry() = default;
  ~IdleEntry() = default;
};

/// The idle connections of one key.
class IdleShelf {
 public:
  std::size_t size() const { return size_; }

 private:
  friend class IdleList;
  boost::intrusive::list<IdleEntry, boost::intrusive::base_hook<IdleEntry::KeyHook>,
                         boost::intrusive::constant_time_size<false>>
      entries_;
  std::size_t size_ = 0;
};

class IdleList {
 public:
  std::size_t size() const { return size_; }

  void add(IdleEntry& entry, IdleShelf& shelf) {
    shelf.entries_.push_back(entry);
    all_.push_back(entry);
    ++shelf.size_;
    ++size_;
  }
  void remove(IdleEntry& entry, IdleShelf& shelf) {
    entry.KeyHook::unlink();
    entry.AllHook::unlink();
    --shelf.size_;
    --size_;
  }
  /// nullptr when there is none.
  IdleEntry* newest(IdleShelf& shelf) { return shelf.entries_.empty() ? nullptr : &shelf.entries_.back(); }
  IdleEntry* oldest(IdleShelf& shelf) { return shelf.entries_.empty() ? nullptr : &shelf.entries_.front(); }
  IdleEntry* oldest() { return all_.empty() ? nullptr : &all_.front(); }

  /// Calls `visit` for every entry, oldest first; it may remove the one it is given.
  template <class Visit>
  void for_each(Visit visit) {
    for (auto it = all_.begin(); it != all_.end();) visit(*it++);
  }

 private:
  boost::intrusive::list<IdleEntry, boost::intrusive::base_hook<IdleEntry::AllHook>,
                         boost::intrusive::constant_time_size<false>>
      all_;
  std::size_t size_ = 0;
};

}  // namespace sandgate::proxy::upstream
