// Shows that metadata.resourceVersion is put into any JSON object, cheaply or not, exactly once.

#include "apiserver/storage/cacher/resource_version_splice.h"

#include <gtest/gtest.h>

namespace wherry::apiserver::storage {
namespace {

using Kind = ResourceVersionSplice::Kind;

std::string Spliced(std::string_view json, Revision revision = 7) {
  std::string out = "before ";
  AppendSpliced(json, FindResourceVersionSplice(json), revision, out);
  return out.substr(7);
}

TEST(ResourceVersionSpliceTest, IsAnInsertionForWhatTheEncoderWrites) {
  const std::string pod = R"({"kind":"Pod","apiVersion":"v1","metadata":{"name":"a"},"spec":{}})";
  EXPECT_EQ(FindResourceVersionSplice(pod).kind, Kind::kMember);
  EXPECT_EQ(Spliced(pod, 1234567890123),
            R"({"kind":"Pod","apiVersion":"v1","metadata":{"resourceVersion":"1234567890123",)"
            R"("name":"a"},"spec":{}})");
}

TEST(ResourceVersionSpliceTest, HandlesEveryShape) {
  EXPECT_EQ(Spliced(R"({"metadata":{}})"), R"({"metadata":{"resourceVersion":"7"}})");
  EXPECT_EQ(Spliced(R"({"metadata": { } })"), R"({"metadata": {"resourceVersion":"7" } })");
  EXPECT_EQ(Spliced(R"({})"), R"({"metadata":{"resourceVersion":"7"}})");
  EXPECT_EQ(Spliced(R"({"kind":"X"})"), R"({"metadata":{"resourceVersion":"7"},"kind":"X"})");
  // Members of other objects with the same name are not meant.
  EXPECT_EQ(Spliced(R"({"spec":{"metadata":{"a":1}},"metadata":{"b":2}})"),
            R"({"spec":{"metadata":{"a":1}},"metadata":{"resourceVersion":"7","b":2}})");
  EXPECT_EQ(Spliced(R"({"metadata":{"annotations":{"resourceVersion":"5"}}})"),
            R"({"metadata":{"resourceVersion":"7","annotations":{"resourceVersion":"5"}}})");
}

TEST(ResourceVersionSpliceTest, ParsesWhatCannotBeInsertedInto) {
  EXPECT_EQ(Spliced(R"({"metadata":{"name":"a","resourceVersion":"5"}})"),
            R"({"metadata":{"name":"a","resourceVersion":"7"}})");
  EXPECT_EQ(Spliced(R"({"metadata":null})"), R"({"metadata":{"resourceVersion":"7"}})");
  EXPECT_EQ(Spliced(R"({"metadata":"odd"})"), R"({"metadata":{"resourceVersion":"7"}})");
  // The same member names, spelled with escapes.
  EXPECT_EQ(Spliced(R"({"meta\u0064ata":{"resource\u0056ersion":"5"}})"),
            R"({"metadata":{"resourceVersion":"7"}})");
}

TEST(ResourceVersionSpliceTest, LeavesAloneWhatIsNotAnObject) {
  for (const char* text :
       {"", "   ", "value", "[1,2]", "\"{}\"", "{\"a\":", "{\"metadata\":{\"a\":1"})
    EXPECT_EQ(Spliced(text), text);
}

}  // namespace
}  // namespace wherry::apiserver::storage
