#include "lib/client/api_client.h"

#include "lib/api/codec.h"
#include "lib/api/kind_registry.h"
#include "lib/api/object_meta.h"
#include "lib/client/decode.h"
#include "lib/client/paths.h"
#include "lib/client/watch_stream.h"
#include "proto/api/meta/v1.pb.h"

namespace wherry::client {
namespace {

std::string_view PatchMediaType(PatchType type) {
  switch (type) {
    case PatchType::kJson:
      return "application/json-patch+json";
    case PatchType::kMerge:
      return "application/merge-patch+json";
    case PatchType::kStrategicMerge:
      return "application/strategic-merge-patch+json";
  }
  return "";
}

api::meta::v1::DeleteOptions ToMessage(const DeleteOptions& options) {
  api::meta::v1::DeleteOptions message;
  if (options.grace_period_seconds) {
    message.set_graceperiodseconds(*options.grace_period_seconds);
  }
  if (!options.propagation_policy.empty()) {
    message.set_propagationpolicy(options.propagation_policy);
  }
  if (!options.uid.empty()) message.mutable_preconditions()->set_uid(options.uid);
  if (!options.resource_version.empty()) {
    message.mutable_preconditions()->set_resourceversion(options.resource_version);
  }
  return message;
}

http::Request MakeRequest(std::string method, std::string target) {
  http::Request request;
  request.method = std::move(method);
  request.target = std::move(target);
  return request;
}

void SetProtobufBody(http::Request& request, const google::protobuf::Message& message) {
  request.headers.Set("Content-Type", std::string(api::kProtobufMediaType));
  request.body = api::ToProtobuf(message);
}

Result<MessagePtr> CheckedShared(const api::KindInfo& kind, MessagePtr object) {
  if (object->GetDescriptor() == kind.descriptor) return object;
  return MakeError(Reason::kInternalError,
                   "expected a " + kind.kind + ", got a " + object->GetTypeName());
}

// A list that arrives as shared objects, or as bytes when the handler knows no better.
Task<Result<ObjectList>> CollectList(const api::KindInfo& kind, http::Response response) {
  if (response.object) co_return ItemsOfShared(response.object);
  if (!response.stream) {
    co_return DecodeList(kind, response.shared_body ? *response.shared_body : response.body);
  }
  ObjectList list;
  std::string bytes;
  while (true) {
    auto pulling = response.stream->Next();
    CO_TRY(std::optional<http::Chunk> chunk, co_await std::move(pulling));
    if (!chunk) break;
    if (chunk->bytes) bytes += *chunk->bytes;
    if (!chunk->object) continue;
    if (const auto* meta = dynamic_cast<const api::meta::v1::ListMeta*>(chunk->object.get())) {
      list.resource_version = meta->resourceversion();
      list.continue_token = meta->continue_();
    } else {
      list.items.push_back(std::move(chunk->object));
    }
  }
  if (!bytes.empty()) co_return DecodeList(kind, bytes);
  co_return list;
}

}  // namespace

ApiClient::ApiClient(Loop& loop, http::RoundTripper& transport, Options options)
    : loop_(loop), transport_(transport), options_(std::move(options)) {}

Task<Result<http::Response>> ApiClient::Send(http::Request request, bool stream) {
  request.headers.Set("User-Agent", options_.user_agent);
  if (!request.headers.Has("Accept")) {
    request.headers.Set("Accept", "application/vnd.kubernetes.protobuf, application/json");
    request.wants_objects = options_.in_process;
  }
  request.authenticated_user = options_.user;
  auto sending = transport_.RoundTrip(std::move(request), stream);
  CO_TRY(http::Response response, co_await std::move(sending));
  if (response.status < 400) co_return response;
  http::Response head;
  head.status = response.status;
  head.object = response.object;
  auto reading = ReadBody(std::move(response));
  CO_TRY(const std::string body, co_await std::move(reading));
  co_return ErrorFromResponse(head, body);
}

Task<Result<MessagePtr>> ApiClient::SendObject(std::string method, std::string target,
                                               const api::KindInfo& kind, MessagePtr object) {
  http::Request request = MakeRequest(std::move(method), std::move(target));
  if (object) SetProtobufBody(request, *object);
  auto sending = Send(std::move(request), false);
  CO_TRY(http::Response response, co_await std::move(sending));
  if (response.object) co_return CheckedShared(kind, std::move(response.object));
  auto reading = ReadBody(std::move(response));
  CO_TRY(const std::string body, co_await std::move(reading));
  co_return DecodeObject(kind, body);
}

Task<Result<MessagePtr>> ApiClient::Get(const api::KindInfo& kind, std::string ns,
                                        std::string name) {
  return SendObject("GET", ResourcePath(kind, ns, name), kind, nullptr);
}

Task<Result<ObjectList>> ApiClient::List(const api::KindInfo& kind, std::string ns,
                                         ListOptions options) {
  auto sending = Send(MakeRequest("GET", ResourcePath(kind, ns) + ListQuery(options)), false);
  CO_TRY(http::Response response, co_await std::move(sending));
  auto collecting = CollectList(kind, std::move(response));
  co_return co_await std::move(collecting);
}

Task<Result<std::unique_ptr<Watch>>> ApiClient::StartWatch(const api::KindInfo& kind,
                                                           std::string ns, ListOptions options) {
  auto sending = Send(MakeRequest("GET", ResourcePath(kind, ns) + WatchQuery(options)), true);
  CO_TRY(http::Response response, co_await std::move(sending));
  if (!response.stream) {
    co_return MakeError(Reason::kInternalError, "watch " + kind.plural + ": no stream in reply");
  }
  std::unique_ptr<Watch> watch = std::make_unique<WatchStream>(kind, std::move(response.stream));
  co_return watch;
}

Task<Result<MessagePtr>> ApiClient::Create(std::string ns, MessagePtr object) {
  const api::KindInfo& kind = api::KindOf(*object);
  if (ns.empty()) ns = api::MetaOf(*object).namespace_();
  return SendObject("POST", ResourcePath(kind, ns), kind, std::move(object));
}

Task<Result<MessagePtr>> ApiClient::Update(MessagePtr object) {
  const api::KindInfo& kind = api::KindOf(*object);
  const auto& meta = api::MetaOf(*object);
  return SendObject("PUT", ResourcePath(kind, meta.namespace_(), meta.name()), kind,
                    std::move(object));
}

Task<Result<MessagePtr>> ApiClient::UpdateStatus(MessagePtr object) {
  const api::KindInfo& kind = api::KindOf(*object);
  const auto& meta = api::MetaOf(*object);
  return SendObject("PUT", ResourcePath(kind, meta.namespace_(), meta.name(), "status"), kind,
                    std::move(object));
}

Task<Result<MessagePtr>> ApiClient::UpdateSubresource(MessagePtr object, std::string subresource) {
  const api::KindInfo& kind = api::KindOf(*object);
  const auto& meta = api::MetaOf(*object);
  return SendObject("PUT", ResourcePath(kind, meta.namespace_(), meta.name(), subresource), kind,
                    std::move(object));
}

Task<Result<MessagePtr>> ApiClient::Patch(const api::KindInfo& kind, std::string ns,
                                          std::string name, PatchType type, std::string patch,
                                          std::string subresource) {
  http::Request request = MakeRequest("PATCH", ResourcePath(kind, ns, name, subresource));
  request.headers.Set("Content-Type", std::string(PatchMediaType(type)));
  request.body = std::move(patch);
  auto sending = Send(std::move(request), false);
  CO_TRY(http::Response response, co_await std::move(sending));
  if (response.object) co_return CheckedShared(kind, std::move(response.object));
  auto reading = ReadBody(std::move(response));
  CO_TRY(const std::string body, co_await std::move(reading));
  co_return DecodeObject(kind, body);
}

Task<Status> ApiClient::Delete(const api::KindInfo& kind, std::string ns, std::string name,
                               DeleteOptions options) {
  http::Request request = MakeRequest("DELETE", ResourcePath(kind, ns, name));
  SetProtobufBody(request, ToMessage(options));
  auto sending = Send(std::move(request), false);
  auto response = co_await std::move(sending);
  if (!response.ok()) co_return std::move(response).error();
  co_return Ok();
}

Task<Status> ApiClient::DeleteCollection(const api::KindInfo& kind, std::string ns,
                                         DeleteOptions options) {
  http::Request request = MakeRequest("DELETE", ResourcePath(kind, ns));
  SetProtobufBody(request, ToMessage(options));
  // The answer is what was there: nobody reads it.
  auto sending = Send(std::move(request), true);
  auto response = co_await std::move(sending);
  if (!response.ok()) co_return std::move(response).error();
  co_return Ok();
}

Task<Status> ApiClient::CreateSubresource(const api::KindInfo& kind, std::string ns,
                                          std::string name, std::string subresource,
                                          MessagePtr object) {
  http::Request request = MakeRequest("POST", ResourcePath(kind, ns, name, subresource));
  SetProtobufBody(request, *object);
  auto sending = Send(std::move(request), false);
  auto response = co_await std::move(sending);
  if (!response.ok()) co_return std::move(response).error();
  co_return Ok();
}

Task<Result<MessagePtr>> ApiClient::PostSubresource(const api::KindInfo& kind, std::string ns,
                                                    std::string name, std::string subresource,
                                                    MessagePtr object) {
  const api::KindInfo& answered = api::KindOf(*object);
  return SendObject("POST", ResourcePath(kind, ns, name, subresource), answered, std::move(object));
}

Task<Result<std::string>> ApiClient::GetRaw(std::string target) {
  http::Request request = MakeRequest("GET", std::move(target));
  request.headers.Set("Accept", "*/*");
  auto sending = Send(std::move(request), false);
  CO_TRY(http::Response response, co_await std::move(sending));
  auto reading = ReadBody(std::move(response));
  co_return co_await std::move(reading);
}

}  // namespace wherry::client
