#include "lib/json/patch.h"

#include "lib/json/pointer.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace wherry::json {
namespace {

Value Doc(std::string_view text) {
  auto parsed = Parse(text);
  EXPECT_TRUE(parsed.ok()) << text;
  return std::move(parsed).value();
}

TEST(Pointer, ParsesAndFinds) {
  const Value document = Doc(R"({"a":[{"b":1}],"m/n":2,"t~u":3,"":4})");
  EXPECT_EQ(*Pointer::Parse("/a/0/b")->Find(document), 1);
  EXPECT_EQ(*Pointer::Parse("/m~1n")->Find(document), 2);
  EXPECT_EQ(*Pointer::Parse("/t~0u")->Find(document), 3);
  EXPECT_EQ(*Pointer::Parse("/")->Find(document), 4);
  EXPECT_EQ(Pointer::Parse("")->Find(document), &document);
  for (const char* nothing : {"/a/1", "/a/00", "/a/-", "/a/x", "/z", "/a/0/b/c"}) {
    EXPECT_EQ(Pointer::Parse(nothing)->Find(document), nullptr) << nothing;
  }
  EXPECT_EQ(Pointer::Parse("/m~1n/t~0u")->String(), "/m~1n/t~0u");
  for (const char* bad : {"a", "/~", "/~2"}) EXPECT_FALSE(Pointer::Parse(bad).ok()) << bad;
}

struct Row {
  const char* document;
  const char* patch;
  const char* result;  // null: an error of `reason`
  Reason reason = Reason::kUnknown;
};

// RFC 6902 appendix A, and the refusals.
TEST(JsonPatch, Table) {
  const Row rows[] = {
      {R"({"foo":"bar"})", R"([{"op":"add","path":"/baz","value":"qux"}])",
       R"({"baz":"qux","foo":"bar"})"},
      {R"({"foo":["bar","baz"]})", R"([{"op":"add","path":"/foo/1","value":"qux"}])",
       R"({"foo":["bar","qux","baz"]})"},
      {R"({"foo":[1]})", R"([{"op":"add","path":"/foo/-","value":[2]}])", R"({"foo":[1,[2]]})"},
      {R"({"foo":[1]})", R"([{"op":"add","path":"/foo/2","value":2}])", nullptr, Reason::kInvalid},
      {R"({"foo":[1]})", R"([{"op":"add","path":"/foo/-1","value":2}])", nullptr, Reason::kInvalid},
      {R"({"foo":1})", R"([{"op":"add","path":"/a/b","value":2}])", nullptr, Reason::kInvalid},
      {R"({"foo":1})", R"([{"op":"add","path":"/foo/b","value":2}])", nullptr, Reason::kInvalid},
      {R"({"foo":1})", R"([{"op":"add","path":"","value":[2]}])", "[2]"},
      {R"({"a":1,"b":2})", R"([{"op":"remove","path":"/a"}])", R"({"b":2})"},
      {R"({"a":[1,2,3]})", R"([{"op":"remove","path":"/a/1"}])", R"({"a":[1,3]})"},
      {R"({"a":1})", R"([{"op":"remove","path":"/b"}])", nullptr, Reason::kInvalid},
      {R"({"a":1})", R"([{"op":"replace","path":"/a","value":null}])", R"({"a":null})"},
      {R"({"a":1})", R"([{"op":"replace","path":"/b","value":1}])", nullptr, Reason::kInvalid},
      {R"({"a":{"b":1},"c":{}})", R"([{"op":"move","from":"/a/b","path":"/c/d"}])",
       R"({"a":{},"c":{"d":1}})"},
      {R"({"a":[1,2,3]})", R"([{"op":"move","from":"/a/0","path":"/a/2"}])", R"({"a":[2,3,1]})"},
      {R"({"a":{"b":1}})", R"([{"op":"move","from":"/a","path":"/a/b"}])", nullptr,
       Reason::kInvalid},
      {R"({"a":{"b":1}})", R"([{"op":"copy","from":"/a","path":"/c"}])",
       R"({"a":{"b":1},"c":{"b":1}})"},
      {R"({"a":1})", R"([{"op":"copy","from":"/x","path":"/c"}])", nullptr, Reason::kInvalid},
      {R"({"a":[1,{"b":null}]})", R"([{"op":"test","path":"/a","value":[1,{"b":null}]}])",
       R"({"a":[1,{"b":null}]})"},
      {R"({"a":1})", R"([{"op":"test","path":"/a","value":"1"}])", nullptr, Reason::kInvalid},
      {R"({"a":1})", R"([{"op":"add","path":"/b","value":1},{"op":"test","path":"/b","value":2}])",
       nullptr, Reason::kInvalid},
      {R"({"a":1})", R"({"op":"add"})", nullptr, Reason::kBadRequest},
      {R"({"a":1})", R"([{"op":"frob","path":"/a"}])", nullptr, Reason::kBadRequest},
      {R"({"a":1})", R"([{"op":"add","path":"/b"}])", nullptr, Reason::kBadRequest},
      {R"({"a":1})", R"([{"op":"add","path":"b","value":1}])", nullptr, Reason::kBadRequest},
      {R"({"a":1})", R"([{"path":"/b","value":1}])", nullptr, Reason::kBadRequest},
      {R"({"a":1})", R"([7])", nullptr, Reason::kBadRequest},
  };
  for (const Row& row : rows) {
    auto result = ApplyJsonPatch(Doc(row.document), Doc(row.patch));
    if (row.result != nullptr) {
      ASSERT_TRUE(result.ok()) << row.patch << ": " << result.error().message;
      EXPECT_EQ(*result, Doc(row.result)) << row.patch;
    } else {
      ASSERT_FALSE(result.ok()) << row.patch;
      EXPECT_EQ(result.error().reason, row.reason) << row.patch;
    }
  }
}

// Copies that double a document are stopped, as are endless lists of operations.
TEST(JsonPatch, Limits) {
  Value patch = Value::array();
  for (int i = 0; i < 40; ++i) {
    patch.push_back({{"op", "copy"}, {"from", "/a"}, {"path", "/a/-"}});
  }
  auto doubled = ApplyJsonPatch(Doc(R"({"a":[1]})"), patch, {.max_copied_bytes = 1000});
  ASSERT_FALSE(doubled.ok());
  EXPECT_EQ(doubled.error().reason, Reason::kRequestEntityTooLarge);
  auto many = ApplyJsonPatch(Doc("{}"), patch, {.max_operations = 39});
  ASSERT_FALSE(many.ok());
  EXPECT_EQ(many.error().reason, Reason::kRequestEntityTooLarge);
}

// Each operation nests the whole document once more; at some depth that ends.
TEST(JsonPatch, DoesNotNestWithoutEnd) {
  Value deeper = Value::array();
  for (int i = 0; i < 200; ++i)
    deeper.push_back({{"op", "copy"}, {"from", "/a"}, {"path", "/a/x"}});
  auto result = ApplyJsonPatch(Doc(R"({"a":{}})"), deeper);
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message.find("nested too deeply"), std::string::npos);
}

// An operation costs what it shifts and walks over, not its own few bytes.
TEST(JsonPatch, WorkIsBounded) {
  Value items = Value::array();
  for (int i = 0; i < 100'000; ++i) items.push_back(i);
  const Value document = {{"a", items}, {"b", Value::object()}};
  Value insertions = Value::array();
  Value removals = Value::array();
  Value moves = Value::array();
  Value level = Value::array();
  for (int i = 0; i < 30; ++i) {
    insertions.push_back({{"op", "add"}, {"path", "/a/0"}, {"value", 1}});
    removals.push_back({{"op", "remove"}, {"path", "/a/0"}});
    moves.push_back({{"op", "move"}, {"from", "/a"}, {"path", "/b/c"}});
    moves.push_back({{"op", "move"}, {"from", "/b/c"}, {"path", "/a"}});
    level.push_back({{"op", "move"}, {"from", "/a"}, {"path", "/d"}});
    level.push_back({{"op", "move"}, {"from", "/d"}, {"path", "/a"}});
  }
  for (const Value& patch : {insertions, removals, moves}) {
    auto result = ApplyJsonPatch(document, patch);
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().reason, Reason::kRequestEntityTooLarge) << result.error().message;
  }
  EXPECT_TRUE(ApplyJsonPatch(document, level).ok()) << "nothing has to be walked over";
}

// RFC 7386 appendix A.
TEST(MergePatch, Table) {
  const char* const rows[][3] = {
      {R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
      {R"({"a":"b"})", R"({"a":null})", R"({})"},
      {R"({"a":"b","b":"c"})", R"({"a":null})", R"({"b":"c"})"},
      {R"({"a":["b"]})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"c"})", R"({"a":["b"]})", R"({"a":["b"]})"},
      {R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a":{"b":"d"}})"},
      {R"({"a":[{"b":"c"}]})", R"({"a":[1]})", R"({"a":[1]})"},
      {R"(["a","b"])", R"(["c","d"])", R"(["c","d"])"},
      {R"({"a":"b"})", R"(["c"])", R"(["c"])"},
      {R"({"e":null})", R"({"a":1})", R"({"a":1,"e":null})"},
      {R"([1,2])", R"({"a":"b","c":null})", R"({"a":"b"})"},
      {R"({})", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"},
  };
  for (const auto& row : rows) {
    Value document = Doc(row[0]);
    ApplyMergePatch(document, Doc(row[1]));
    EXPECT_EQ(document, Doc(row[2])) << row[0] << " + " << row[1];
  }
}

}  // namespace
}  // namespace wherry::json
