#include "apiserver/registry/core/data_checks.h"
#include "apiserver/registry/core/kind_strategy.h"
#include "apiserver/registry/core/printing.h"
#include "apiserver/registry/core/strategies.h"
#include "lib/json/json.h"
#include "proto/api/core/v1.pb.h"

#include <nlohmann/json.hpp>

#include <array>

// Source: pkg/registry/core/secret, pkg/apis/core/validation ValidateSecret.
namespace wherry::apiserver::registry::core {

using api::core::v1::Secret;

namespace {

constexpr std::array<TableColumn, 4> kColumns = {
    kNameColumn, TableColumn{.name = "Type", .description = "What its data is for."},
    TableColumn{.name = "Data", .description = "How many entries it has."}, kAgeColumn};

TableRow SecretRow(const Secret& secret, WallTime now) {
  return {.cells = {NameCell(secret.metadata()), StringCell(secret.type()),
                    IntegerCell(static_cast<int64_t>(secret.data().size())),
                    AgeCell(secret.metadata(), now)}};
}

constexpr const char* kServiceAccountName = "kubernetes.io/service-account.name";

// Keys that a type demands; all of them must be there.
struct RequiredKeys {
  std::string_view type;
  std::string_view keys[2];
};
constexpr RequiredKeys kRequiredKeys[] = {
    {"kubernetes.io/dockercfg", {".dockercfg", ""}},
    {"kubernetes.io/dockerconfigjson", {".dockerconfigjson", ""}},
    {"kubernetes.io/tls", {"tls.crt", "tls.key"}},
};

bool Has(const Secret& secret, std::string_view key) {
  return secret.data().contains(std::string(key));
}

void ValidateRequiredKeys(const Secret& secret, const FieldPath& data, ErrorList& errors) {
  for (const auto& [type, keys] : kRequiredKeys) {
    if (secret.type() != type) continue;
    for (std::string_view key : keys) {
      if (!key.empty() && !Has(secret, key)) errors.Required(data.Key(key));
    }
  }
}

void ValidateDockerConfig(const Secret& secret, const char* key, const FieldPath& data,
                          ErrorList& errors) {
  auto found = secret.data().find(key);
  if (found == secret.data().end()) return;
  auto document = json::Parse(found->second);
  if (document.ok() && (document->is_object() || document->is_null())) return;
  errors.Invalid(data.Key(key), "<secret contents redacted>",
                 document.ok() ? "json: cannot unmarshal into map[string]interface {}"
                               : document.error().message);
}

void ValidateType(const Secret& secret, const FieldPath& data, ErrorList& errors) {
  ValidateRequiredKeys(secret, data, errors);
  const std::string& type = secret.type();
  if (type == "kubernetes.io/service-account-token") {
    auto name = secret.metadata().annotations().find(kServiceAccountName);
    if (name == secret.metadata().annotations().end() || name->second.empty()) {
      errors.Required(FieldPath("metadata").Child("annotations").Key(kServiceAccountName));
    }
  } else if (type == "kubernetes.io/dockercfg") {
    ValidateDockerConfig(secret, ".dockercfg", data, errors);
  } else if (type == "kubernetes.io/dockerconfigjson") {
    ValidateDockerConfig(secret, ".dockerconfigjson", data, errors);
  } else if (type == "kubernetes.io/basic-auth") {
    if (Has(secret, "username") || Has(secret, "password")) return;
    errors.Required(data.Key("username"));
    errors.Required(data.Key("password"));
  } else if (type == "kubernetes.io/ssh-auth") {
    auto key = secret.data().find("ssh-privatekey");
    if (key == secret.data().end() || key->second.empty()) {
      errors.Required(data.Key("ssh-privatekey"));
    }
  }
}

class SecretStrategy : public KindStrategy<Secret> {
 public:
  // stringData is for writing only: it becomes data.
  void Default(Message& object) const override {
    Secret& secret = Typed<Secret>(object);
    for (const auto& [key, value] : secret.stringdata()) (*secret.mutable_data())[key] = value;
    secret.clear_stringdata();
  }

  void PrepareForCreate(const Context&, Message&) const override {}

  void PrepareForUpdate(const Context&, Message& object, const Message& old) const override {
    Secret& secret = Typed<Secret>(object);
    if (secret.type().empty()) secret.set_type(Typed<Secret>(old).type());
  }

  ErrorList Validate(const Context&, const Message& object) const override {
    const Secret& secret = Typed<Secret>(object);
    FieldPath data("data");
    ErrorList errors;
    const int64_t bytes = CheckDataKeys(errors, data, secret.data());
    if (bytes > kDataBytesMax) errors.TooLong(data, kDataBytesMax);
    ValidateType(secret, data, errors);
    return errors;
  }

  ErrorList ValidateUpdate(const Context& context, const Message& object,
                           const Message& old) const override {
    const Secret& secret = Typed<Secret>(object);
    const Secret& before = Typed<Secret>(old);
    ErrorList errors;
    CheckImmutable(errors, FieldPath("type"), secret.type(), before.type());
    if (before.immutable()) {
      CheckStaysImmutable(errors, secret.immutable());
      CheckSameData(errors, FieldPath("data"), secret.data(), before.data());
    }
    errors.Append(Validate(context, object));
    return errors;
  }

  std::vector<storage::SelectableField> SelectableFields() const override { return {{"type", ""}}; }

  const TablePrinter& Printer() const override {
    static constexpr RowPrinter<Secret> kPrinter(kColumns, SecretRow);
    return kPrinter;
  }
};

}  // namespace

std::unique_ptr<Strategy> MakeSecretStrategy() { return std::make_unique<SecretStrategy>(); }

}  // namespace wherry::apiserver::registry::core
