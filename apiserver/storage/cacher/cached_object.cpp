#include "apiserver/storage/cacher/cached_object.h"

#include "apiserver/storage/cacher/json_members.h"

#include <forward_list>

namespace wherry::apiserver::storage {

// Views into the stored text, or into `kept` where escapes had to be resolved.
struct CachedObject::Attributes {
  std::vector<std::pair<std::string_view, std::string_view>> labels;
  std::string_view name;
  std::string_view ns;
  std::vector<std::string_view> fields;  // as codec->selectable_fields()
  std::forward_list<std::string> kept;
};

struct CachedObject::Lazy {
  std::weak_ptr<const std::string> json;
  std::weak_ptr<const google::protobuf::Message> message;
  SharedBytes protobuf;
  std::unique_ptr<Attributes> attributes;
};

namespace {

// A field that is still looked for: what is left of its path, and where its value goes.
struct Wanted {
  std::string_view path;
  std::string_view* value;
};

// One pass over the object `text`, and over those members that wanted paths lead into.
void CollectFields(std::string_view text, const std::vector<Wanted>& wanted,
                   std::forward_list<std::string>& kept) {
  std::vector<Wanted> deeper;
  for (JsonMembers members(text); members.Next();) {
    const std::string_view key = members.key();
    deeper.clear();
    for (const Wanted& field : wanted) {
      if (!field.path.starts_with(key)) continue;
      if (field.path.size() == key.size()) {
        const std::string_view value = JsonScalar(members.value(), kept);
        if (!value.empty()) *field.value = value;
      } else if (field.path[key.size()] == '.') {
        deeper.push_back({field.path.substr(key.size() + 1), field.value});
      }
    }
    if (!deeper.empty()) CollectFields(members.value(), deeper, kept);
  }
}

std::vector<std::pair<std::string_view, std::string_view>> CollectLabels(
    std::string_view text, std::forward_list<std::string>& kept) {
  std::vector<std::pair<std::string_view, std::string_view>> found;
  for (JsonMembers labels(text); labels.Next();) {
    // The key with its quotes is a JSON string too.
    const std::string_view key(labels.key().data() - 1, labels.key().size() + 2);
    found.emplace_back(JsonScalar(key, kept), JsonScalar(labels.value(), kept));
  }
  return found;
}

}  // namespace

CachedObject::CachedObject(KeyValue kv, std::shared_ptr<const ObjectCodec> codec)
    : kv_(std::move(kv)), codec_(std::move(codec)) {}

CachedObject::~CachedObject() = default;

CachedObject::Lazy& CachedObject::lazy() const {
  if (!lazy_) lazy_ = std::make_unique<Lazy>();
  return *lazy_;
}

void CachedObject::AppendJson(std::string& out) const {
  if (!splice_known_) {
    splice_ = FindResourceVersionSplice(*kv_.value);
    splice_known_ = true;
  }
  AppendSpliced(*kv_.value, splice_, kv_.mod_revision, out);
}

SharedBytes CachedObject::json() const {
  SharedBytes bytes = lazy().json.lock();
  if (!bytes) {
    std::string text;
    text.reserve(kv_.value->size() + 64);
    AppendJson(text);
    bytes = std::make_shared<const std::string>(std::move(text));
    lazy().json = bytes;
  }
  return bytes;
}

Result<std::shared_ptr<const google::protobuf::Message>> CachedObject::message() const {
  auto message = lazy().message.lock();
  if (message) return message;
  if (!codec_)
    return MakeError(Reason::kInternalError, "read '" + kv_.key + "': no codec is registered");
  auto parsed = codec_->Parse(*json());
  if (!parsed.ok()) return std::move(parsed).error().Wrap("read '" + kv_.key + "'");
  lazy().message = *parsed;
  return parsed;
}

Result<SharedBytes> CachedObject::protobuf() const {
  if (lazy().protobuf) return lazy().protobuf;
  TRY(auto parsed, message());
  auto bytes = codec_->Protobuf(*parsed);
  if (!bytes.ok()) return std::move(bytes).error().Wrap("encode '" + kv_.key + "'");
  lazy().protobuf = std::make_shared<const std::string>(std::move(*bytes));
  return lazy().protobuf;
}

const CachedObject::Attributes& CachedObject::attributes() const {
  if (lazy().attributes) return *lazy().attributes;
  auto made = std::make_unique<Attributes>();
  std::vector<Wanted> wanted{{"metadata.name", &made->name}, {"metadata.namespace", &made->ns}};
  if (codec_) {
    const auto& fields = codec_->selectable_fields();
    for (const SelectableField& field : fields) made->fields.push_back(field.absent);
    std::vector<std::string_view> second(fields.size());
    for (size_t i = 0; i < fields.size(); ++i) {
      const SelectableField& field = fields[i];
      wanted.push_back({field.from.empty() ? field.path : field.from, &made->fields[i]});
      if (!field.otherwise.empty()) wanted.push_back({field.otherwise, &second[i]});
    }
    CollectFields(*kv_.value, wanted, made->kept);
    for (size_t i = 0; i < fields.size(); ++i)
      if (!second[i].empty() && made->fields[i] == fields[i].absent) made->fields[i] = second[i];
  } else {
    CollectFields(*kv_.value, wanted, made->kept);
  }
  made->labels = CollectLabels(FindJsonPath(*kv_.value, "metadata.labels"), made->kept);
  lazy().attributes = std::move(made);
  return *lazy().attributes;
}

const std::vector<std::pair<std::string_view, std::string_view>>& CachedObject::labels() const {
  return attributes().labels;
}

std::optional<std::string_view> CachedObject::label(std::string_view name) const {
  for (const auto& [key, value] : attributes().labels)
    if (key == name) return value;
  return std::nullopt;
}

std::optional<std::string_view> CachedObject::field(std::string_view path) const {
  if (path == "metadata.name") return attributes().name;
  if (path == "metadata.namespace") return attributes().ns;
  if (!codec_) return std::nullopt;
  const auto& wanted = codec_->selectable_fields();
  for (size_t i = 0; i < wanted.size(); ++i)
    if (wanted[i].path == path) return attributes().fields[i];
  return std::nullopt;
}

void CachedObject::Trim() const {
  if (lazy_) lazy_->attributes.reset();
}

}  // namespace wherry::apiserver::storage
