#include "tests/unit/lib/client/fake_api.h"

#include "lib/api/codec.h"
#include "proto/api/core/v1.pb.h"

#include <algorithm>

namespace wherry::client {
namespace {

namespace core = api::core::v1;

http::Response ErrorResponse(const Error& error) {
  api::meta::v1::Status status;
  status.set_status("Failure");
  status.set_reason(std::string(ReasonName(error.reason)));
  status.set_message(error.message);
  status.set_code(ReasonHttpCode(error.reason));
  http::Response response;
  response.status = ReasonHttpCode(error.reason);
  response.body = api::ToProtobuf(status);
  return response;
}

std::string Parameter(const http::Request& request, std::string_view name) {
  const auto parameters = http::ParseQuery(request.query());
  for (const auto& [key, value] : *parameters) {
    if (key == name) return value;
  }
  return "";
}

std::string Frame(const std::string& type, const google::protobuf::Message& object) {
  api::meta::v1::WatchEvent event;
  event.set_type(type);
  event.mutable_object()->set_raw(api::ToProtobuf(object));
  const std::string content = event.SerializeAsString();
  std::string frame;
  for (int shift = 24; shift >= 0; shift -= 8) {
    frame += static_cast<char>(content.size() >> shift & 255);
  }
  return frame + content;
}

}  // namespace

class FakeWatch : public http::BodySource {
 public:
  FakeWatch(FakeApi& api, int64_t from, bool objects)
      : api_(api), from_(from), objects_(objects), generation_(api.generation_) {}

  Task<Result<std::optional<http::Chunk>>> Next() override {
    while (true) {
      if (generation_ != api_.generation_) {
        if (api_.end_broken_) co_return MakeError(Reason::kServiceUnavailable, "connection lost");
        co_return std::optional<http::Chunk>();
      }
      for (const FakeApi::Event& event : api_.history_) {
        if (event.revision <= from_) continue;
        from_ = event.revision;
        co_return std::optional<http::Chunk>(ToChunk(event));
      }
      co_await api_.changed_.Wait();
    }
  }

 private:
  http::Chunk ToChunk(const FakeApi::Event& event) const {
    http::Chunk chunk;
    if (objects_) {
      chunk.object = event.object;
      chunk.event_type = event.type;
    } else {
      chunk.bytes = std::make_shared<std::string>(Frame(event.type, *event.object));
    }
    return chunk;
  }

  FakeApi& api_;
  int64_t from_;
  bool objects_;
  int generation_;
};

Task<http::Response> FakeApi::Handle(http::Request request) {
  requests.push_back(request);
  if (outage) co_return ErrorResponse(*outage);
  if (!Parameter(request, "watch").empty()) co_return Watch(request);
  co_return List(request);
}

http::Response FakeApi::List(const http::Request& request) {
  auto list = std::make_shared<core::PodList>();
  list->mutable_metadata()->set_resourceversion(std::to_string(revision_));
  const std::string after = Parameter(request, "continue");
  size_t limit = std::stoul("0" + Parameter(request, "limit"));
  if (page > 0) limit = page;
  for (const auto& [name, pod] : pods_) {
    if (name <= after) continue;
    if (limit > 0 && list->items_size() == static_cast<int>(limit)) {
      list->mutable_metadata()->set_continue_(list->items().rbegin()->metadata().name());
      break;
    }
    *list->add_items() = static_cast<const core::Pod&>(*pod);
  }
  http::Response response;
  if (request.wants_objects) {
    response.object = list;
  } else {
    response.body = api::ToProtobuf(*list);
  }
  return response;
}

http::Response FakeApi::Watch(const http::Request& request) {
  const int64_t from = std::stoll("0" + Parameter(request, "resourceVersion"));
  if (from < compacted_) {
    return ErrorResponse(MakeError(Reason::kExpired, "too old resource version"));
  }
  http::Response response;
  response.stream = std::make_unique<FakeWatch>(*this, from, request.wants_objects);
  return response;
}

void FakeApi::Put(const std::string& name, const std::string& node) {
  const bool known = pods_.contains(name);
  auto pod = std::make_shared<core::Pod>();
  pod->mutable_metadata()->set_name(name);
  pod->mutable_metadata()->set_namespace_("default");
  pod->mutable_metadata()->set_uid("uid-" + name);
  pod->mutable_metadata()->set_resourceversion(std::to_string(++revision_));
  pod->mutable_spec()->set_nodename(node);
  pods_[name] = pod;
  Record(known ? "MODIFIED" : "ADDED", pod);
}

void FakeApi::Delete(const std::string& name) {
  auto pod = std::make_shared<core::Pod>(static_cast<const core::Pod&>(*pods_.at(name)));
  pod->mutable_metadata()->set_resourceversion(std::to_string(++revision_));
  pods_.erase(name);
  Record("DELETED", pod);
}

void FakeApi::Bookmark() {
  auto pod = std::make_shared<core::Pod>();
  pod->mutable_metadata()->set_resourceversion(std::to_string(++revision_));
  Record("BOOKMARK", pod);
}

void FakeApi::Record(std::string type, MessagePtr object) {
  history_.push_back({revision_, std::move(type), std::move(object)});
  changed_.Notify();
}

void FakeApi::EndWatches(bool broken) {
  end_broken_ = broken;
  ++generation_;
  changed_.Notify();
}

int FakeApi::Count(std::string_view text) const {
  return static_cast<int>(
      std::count_if(requests.begin(), requests.end(), [text](const http::Request& request) {
        return request.target.find(text) != std::string::npos;
      }));
}

}  // namespace wherry::client
