#include "apiserver/endpoints/list_body.h"

#include "apiserver/endpoints/reply.h"
#include "apiserver/request/status.h"
#include "lib/api/codec.h"
#include "lib/api/kind_registry.h"
#include "lib/api/varint.h"
#include "lib/json/json.h"
#include "lib/loop/world.h"
#include "proto/api/meta/v1.pb.h"

#include <google/protobuf/message.h>

#include <algorithm>
#include <deque>
#include <functional>

namespace wherry::apiserver::endpoints {

using google::protobuf::Message;

namespace {

constexpr size_t kPieceBytes = 128 * 1024;
// Lists of this many items and more are streamed.
constexpr size_t kStreamItems = 64;

api::meta::v1::ListMeta MetaOfList(const ListView& list) {
  api::meta::v1::ListMeta metadata;
  metadata.set_resourceversion(std::to_string(list.revision));
  if (!list.continue_token.empty()) metadata.set_continue_(list.continue_token);
  if (list.remaining && !list.continue_token.empty()) {
    metadata.set_remainingitemcount(*list.remaining);
  }
  return metadata;
}

// Appends the text or bytes of one item.
using AppendItem = std::function<Status(const storage::CachedObject&, std::string&)>;

// How a list of a given form is put together.
struct Form {
  std::string head;
  AppendItem append;
  std::string separator;
  std::string tail;
};

class StreamedList : public http::BodySource {
 public:
  StreamedList(const Resource& resource, std::vector<storage::ObjectPtr> items, Form form)
      : resource_(resource), items_(std::move(items)), form_(std::move(form)) {}

  Task<Result<std::optional<http::Chunk>>> Next() override {
    if (done_) co_return std::nullopt;
    auto piece = std::make_shared<std::string>();
    piece->reserve(kPieceBytes + kPieceBytes / 4);
    if (next_ == 0) *piece += form_.head;
    while (next_ < items_.size() && piece->size() < kPieceBytes) {
      if (next_ > 0) *piece += form_.separator;
      FetchAhead();
      CO_TRY_STATUS(form_.append(*resource_.Show(items_[next_]), *piece));
      items_[next_].reset();
      ++next_;
    }
    if (next_ == items_.size()) {
      *piece += form_.tail;
      done_ = true;
    }
    http::Chunk chunk;
    chunk.bytes = std::move(piece);
    co_return chunk;
  }

 private:
  // Tells the processor which memory comes next: the objects lie anywhere in it, and a long list
  // would spend a good part of its time waiting for each.
  void FetchAhead() const {
    constexpr size_t kLine = 64;
    constexpr size_t kTextBytes = 16 * kLine;  // further on it sees by itself that we read in order
    const auto coming = [this](size_t distance) -> const storage::CachedObject* {
      return next_ + distance < items_.size() ? items_[next_ + distance].get() : nullptr;
    };
    if (const auto* object = coming(12)) __builtin_prefetch(object);
    if (const auto* object = coming(8)) __builtin_prefetch(object->kv().value.get());
    if (const auto* object = coming(3)) {
      const std::string& text = *object->kv().value;
      for (size_t at = 0; at < std::min(text.size(), kTextBytes); at += kLine) {
        __builtin_prefetch(text.data() + at);
      }
    }
  }

  const Resource& resource_;
  std::vector<storage::ObjectPtr> items_;
  Form form_;
  size_t next_ = 0;
  bool done_ = false;
};

// A list for a reader in this process: its metadata, then the parsed objects.
class SharedList : public http::BodySource {
 public:
  SharedList(const Resource& resource, ListView list)
      : resource_(resource), list_(std::move(list)) {}

  Task<Result<std::optional<http::Chunk>>> Next() override {
    http::Chunk chunk;
    if (!started_) {
      started_ = true;
      chunk.object = std::make_shared<api::meta::v1::ListMeta>(MetaOfList(list_));
      co_return chunk;
    }
    if (next_ == list_.items.size()) co_return std::nullopt;
    CO_TRY(chunk.object, resource_.Show(list_.items[next_])->message());
    list_.items[next_++].reset();
    co_return chunk;
  }

 private:
  const Resource& resource_;
  ListView list_;
  size_t next_ = 0;
  bool started_ = false;
};

Form JsonForm(std::string_view kind, std::string_view api_version, const ListView& list) {
  Form form;
  form.head = "{\"kind\":\"" + std::string(kind) + "\",\"apiVersion\":\"" +
              std::string(api_version) + "\",\"metadata\":" + api::ToJson(MetaOfList(list)) +
              ",\"items\":[";
  form.separator = ",";
  form.tail = "]}\n";
  return form;
}

Form TableForm(const registry::TablePrinter& printer, std::string_view table_version, WallTime now,
               IncludeObject include, const ListView& list) {
  Form form;
  form.head = TableHead(table_version) + api::ToJson(MetaOfList(list)) + ",";
  AppendTableColumns(printer, form.head);
  form.head += ",\"rows\":[";
  form.separator = ",";
  form.tail = "]}\n";
  form.append = [&printer, now, include](const storage::CachedObject& object,
                                         std::string& out) -> Status {
    TRY(auto message, object.message());
    AppendTableRow(printer, *message, now, include, out);
    return Ok();
  };
  return form;
}

constexpr char kListMetaTag = 0x0a;   // field 1, length-delimited
constexpr char kListItemsTag = 0x12;  // field 2, length-delimited

// The bytes of an item without an envelope, and what keeps them.
struct Raw {
  storage::SharedBytes owner;
  std::string_view bytes;
};
using RawOf = Result<Raw> (*)(const storage::CachedObject&);

// Every Kubernetes list has its metadata as field 1 and its items as field 2, so a list is its
// items' bytes with prefixes. The envelope wants the whole length first, so all are encoded before
// the first is sent.
Result<Form> ProtobufForm(const Resource& resource, std::string_view kind,
                          std::string_view api_version, const ListView& list, RawOf raw_of) {
  std::string metadata = MetaOfList(list).SerializeAsString();
  std::string body_head(1, kListMetaTag);
  api::AppendVarint(body_head, metadata.size());
  body_head += metadata;
  uint64_t length = body_head.size();
  auto raws = std::make_shared<std::deque<Raw>>();
  for (const storage::ObjectPtr& item : list.items) {
    TRY(Raw raw, raw_of(*resource.Show(item)));
    length += 1 + api::VarintSize(raw.bytes.size()) + raw.bytes.size();
    raws->push_back(std::move(raw));
  }
  // runtime.Unknown: typeMeta = 1 {apiVersion = 1, kind = 2}, raw = 2, contentEncoding = 3,
  // contentType = 4.
  std::string type_meta("\x0a", 1);
  api::AppendVarint(type_meta, api_version.size());
  type_meta += api_version;
  type_meta += '\x12';
  api::AppendVarint(type_meta, kind.size());
  type_meta += kind;
  Form form;
  form.head = std::string("k8s\0\x0a", 5);
  api::AppendVarint(form.head, type_meta.size());
  form.head += type_meta + '\x12';
  api::AppendVarint(form.head, length);
  form.head += body_head;
  form.tail = std::string("\x1a\x00\x22\x00", 4);
  // Items are asked for in order, each once.
  form.append = [raws = std::move(raws)](const storage::CachedObject&, std::string& out) -> Status {
    const Raw& raw = raws->front();
    out += kListItemsTag;
    api::AppendVarint(out, raw.bytes.size());
    out += raw.bytes;
    raws->pop_front();
    return Ok();
  };
  return form;
}

Result<Raw> InEnvelope(storage::SharedBytes bytes) {
  TRY(auto envelope, api::ParseEnvelope(*bytes));
  return Raw{std::move(bytes), envelope.raw};
}

Result<Raw> RawObject(const storage::CachedObject& object) {
  TRY(auto bytes, object.protobuf());
  return InEnvelope(std::move(bytes));
}

Result<Raw> RawMetadata(const storage::CachedObject& object) {
  TRY(auto message, object.message());
  return InEnvelope(std::make_shared<const std::string>(PartialObjectMetadataProtobuf(*message)));
}

Result<Form> FormOf(Environment& environment, const Resource& resource, const ApiRequest& request,
                    const ListView& list) {
  const Accepted& accepted = request.accepted;
  bool protobuf = accepted.encoding == Encoding::kProtobuf;
  switch (accepted.as) {
    case Accepted::As::kTable: {
      TRY(IncludeObject include, ParseIncludeObject(request.query));
      return TableForm(resource.strategy->Printer(), accepted.table_version,
                       environment.world.clock.Now(), include, list);
    }
    case Accepted::As::kPartialObjectMetadata:
      return MakeError(Reason::kNotAcceptable,
                       "you requested PartialObjectMetadata, but the requested object is a list (" +
                           resource.kind->list_kind + ")");
    case Accepted::As::kPartialObjectMetadataList: {
      if (protobuf) {
        return ProtobufForm(resource, "PartialObjectMetadataList", "meta.k8s.io/v1", list,
                            RawMetadata);
      }
      Form form = JsonForm("PartialObjectMetadataList", "meta.k8s.io/v1", list);
      form.append = [](const storage::CachedObject& object, std::string& out) -> Status {
        TRY(auto message, object.message());
        out += PartialObjectMetadataJson(*message);
        return Ok();
      };
      return form;
    }
    case Accepted::As::kObject:
      break;
  }
  if (protobuf) {
    return ProtobufForm(resource, resource.kind->list_kind, resource.kind->ApiVersion(), list,
                        RawObject);
  }
  Form form = JsonForm(resource.kind->list_kind, resource.kind->ApiVersion(), list);
  form.append = [](const storage::CachedObject& object, std::string& out) -> Status {
    object.AppendJson(out);
    return Ok();
  };
  return form;
}

}  // namespace

Result<http::Response> ListReply(Environment& environment, const Resource& resource,
                                 const ApiRequest& request, ListView list) {
  http::Response response;
  if (request.http.wants_objects) {
    response.stream = std::make_unique<SharedList>(resource, std::move(list));
    return response;
  }
  TRY(Form form, FormOf(environment, resource, request, list));
  const Accepted& accepted = request.accepted;
  SetContentType(response, accepted.encoding);
  bool dressed = accepted.encoding == Encoding::kYaml || accepted.pretty;
  if (list.items.size() >= kStreamItems && !dressed) {
    response.stream =
        std::make_unique<StreamedList>(resource, std::move(list.items), std::move(form));
    return response;
  }
  std::string body = std::move(form.head);
  for (size_t i = 0; i < list.items.size(); ++i) {
    if (i > 0) body += form.separator;
    TRY_STATUS(form.append(*resource.Show(list.items[i]), body));
  }
  body += form.tail;
  response.body =
      dressed ? DressJson(std::move(body), accepted.encoding, accepted.pretty) : std::move(body);
  return response;
}

}  // namespace wherry::apiserver::endpoints
