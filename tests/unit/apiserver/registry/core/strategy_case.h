#pragma once

#include "apiserver/registry/strategy.h"
#include "lib/api/codec.h"
#include "lib/api/kind_registry.h"
#include "lib/api/schema.h"

#include <gmock/gmock.h>
#include <google/protobuf/message.h>
#include <nlohmann/json.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

// Objects for tests of strategies, made from JSON as a request's body is: with the Schema's
// defaults and the strategy's.
namespace wherry::apiserver::registry::testing {

// A monday noon, so that ages in golden rows are stable.
inline constexpr WallTime kNow{std::chrono::seconds(1'700'000'000)};

inline std::unique_ptr<Message> Decode(const Strategy& strategy, const nlohmann::json& document) {
  nlohmann::json body = document;
  api::ApplyDefaults(body, *strategy.kind().schema);
  std::unique_ptr<Message> object = strategy.kind().New();
  auto decoded = api::FromDocument(body, object.get());
  EXPECT_TRUE(decoded.ok()) << (decoded.ok() ? "" : decoded.error().message);
  strategy.Default(*object);
  return object;
}

// The JSON of what is stored.
inline nlohmann::json Encode(const Message& object) { return api::ToDocument(object); }

inline std::vector<std::string> Messages(const api::field::ErrorList& errors) {
  std::vector<std::string> messages;
  for (const auto& error : errors.errors()) messages.push_back(error.Message());
  return messages;
}

// What a create is answered with: each error as upstream words it.
inline std::vector<std::string> CreateErrors(const Strategy& strategy,
                                             const nlohmann::json& document) {
  auto object = Decode(strategy, document);
  Context context{.now = kNow};
  strategy.PrepareForCreate(context, *object);
  return Messages(strategy.Validate(context, *object));
}

inline std::vector<std::string> UpdateErrors(const Strategy& strategy, const UpdateStrategy& how,
                                             const nlohmann::json& before,
                                             const nlohmann::json& after) {
  auto old = Decode(strategy, before);
  auto object = Decode(strategy, after);
  Context context{.now = kNow};
  how.PrepareForUpdate(context, *object, *old);
  return Messages(how.ValidateUpdate(context, *object, *old));
}

// The cells of a row as plain text.
inline std::vector<std::string> Cells(const Strategy& strategy, const nlohmann::json& document) {
  auto object = Decode(strategy, document);
  TableRow row = strategy.Printer().Row(*object, kNow);
  EXPECT_EQ(row.cells.size(), strategy.Printer().Columns().size());
  std::vector<std::string> cells;
  for (const std::string& cell : row.cells) {
    auto value = nlohmann::json::parse(cell);
    cells.push_back(value.is_string() ? value.get<std::string>() : value.dump());
  }
  return cells;
}

// `document` with a JSON Pointer set to a value, or removed when the value is discarded.
inline nlohmann::json With(nlohmann::json document, const char* pointer, nlohmann::json value) {
  document[nlohmann::json::json_pointer(pointer)] = std::move(value);
  return document;
}

}  // namespace wherry::apiserver::registry::testing

// Tests are written in the namespace of what they test, and use these names as their own.
namespace wherry::apiserver::registry {
using namespace testing;
}
