#include "nodeagent/probes/name_lookups.h"

#include "lib/loop/sync.h"
#include "lib/loop/thread_pool.h"

#include <netdb.h>

#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

namespace wherry::nodeagent::probes {
namespace {

using Found = Result<SocketAddress>;

Found SystemLookUp(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (error != 0)
    return MakeError(Reason::kServiceUnavailable, "lookup " + host + ": " + ::gai_strerror(error));
  SocketAddress address;
  std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  address.length = found->ai_addrlen;
  ::freeaddrinfo(found);
  return address;
}

// The way back to the loop for as long as somebody listens there.
struct WayBack {
  std::mutex mutex;
  Loop* loop = nullptr;  // null once the lookups' owner is gone
};

struct Lookup {
  explicit Lookup(Loop& loop) : ended(loop) {}
  Notifier ended;
  std::optional<Found> found;
};

}  // namespace

struct NameLookups::State : std::enable_shared_from_this<NameLookups::State> {
  State(Loop& loop_in, LookUp look_up_in) : loop(loop_in), look_up(std::move(look_up_in)) {
    way_back->loop = &loop;
  }

  Status Start(const std::string& host);
  void End(const std::string& host, Found found) {
    auto lookup = under_way.extract(host);
    lookup.mapped()->found = std::move(found);
    lookup.mapped()->ended.Notify();
  }

  Loop& loop;
  LookUp look_up;
  std::shared_ptr<WayBack> way_back = std::make_shared<WayBack>();
  std::map<std::string, std::shared_ptr<Lookup>> under_way;
};

Status NameLookups::State::Start(const std::string& host) {
  if (under_way.size() >= kLookupsMax) {
    return MakeError(Reason::kServiceUnavailable,
                     "lookup " + host + ": too many other lookups are under way");
  }
  auto work = [host, look_up = look_up, way_back = way_back, state = weak_from_this()] {
    auto found = std::make_shared<Found>(look_up(host));
    std::lock_guard lock(way_back->mutex);
    if (way_back->loop == nullptr) return;
    way_back->loop->PostFromAnyThread([host, state, found] {
      if (auto alive = state.lock()) alive->End(host, std::move(*found));
    });
  };
  if (!RunDetached(std::move(work))) {
    return MakeError(Reason::kServiceUnavailable, "lookup " + host + ": no thread for it");
  }
  under_way.emplace(host, std::make_shared<Lookup>(loop));
  return Ok();
}

NameLookups::NameLookups(Loop& loop, LookUp look_up)
    : state_(std::make_shared<State>(loop, look_up ? std::move(look_up) : SystemLookUp)) {}

NameLookups::~NameLookups() {
  std::lock_guard lock(state_->way_back->mutex);
  state_->way_back->loop = nullptr;
}

Task<Found> NameLookups::Find(std::string host) {
  if (!state_->under_way.contains(host)) CO_TRY_STATUS(state_->Start(host));
  const std::shared_ptr<Lookup> lookup = state_->under_way.at(host);
  while (!lookup->found) co_await lookup->ended.Wait();
  co_return *lookup->found;
}

}  // namespace wherry::nodeagent::probes
