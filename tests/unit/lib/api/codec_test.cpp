#include "lib/api/codec.h"

#include "lib/api/kind_registry.h"
#include "lib/api/schema.h"
#include "proto/api/apps/v1.pb.h"
#include "proto/api/core/v1.pb.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace wherry::api {
namespace {

json::Value Doc(std::string_view text) {
  auto parsed = json::Parse(text);
  EXPECT_TRUE(parsed.ok()) << parsed.error().message;
  return std::move(parsed).value();
}

const Schema& PodSchema() { return *KindOf<core::v1::Pod>().schema; }

// A pod in JSON becomes a message and the same JSON again, with what upstream always writes.
TEST(Codec, PodRoundTrip) {
  core::v1::Pod pod;
  ASSERT_TRUE(FromJson(R"({
    "apiVersion": "v1", "kind": "Pod",
    "metadata": {"name": "web", "namespace": "default", "labels": {"app": "web", "a": "b"},
                 "creationTimestamp": "2026-11-22T17:04:05+02:00"},
    "spec": {"hostPID": false, "nodeName": "n1", "terminationGracePeriodSeconds": 0,
             "volumes": [{"name": "cfg", "configMap": {"name": "c", "defaultMode": 420}}],
             "containers": [{"name": "c", "image": "i", "command": ["a\n\"b"],
                             "ports": [{"containerPort": 80}],
                             "livenessProbe": {"httpGet": {"port": "http"}, "periodSeconds": 3},
                             "resources": {"limits": {"cpu": "1000m", "memory": 1024}}}]}})",
                       &pod)
                  .ok());
  EXPECT_EQ(pod.spec().volumes(0).volumesource().configmap().defaultmode(), 420);
  EXPECT_EQ(pod.spec().containers(0).livenessprobe().handler().httpget().port().strval(), "http");
  EXPECT_EQ(
      ToJson(pod),
      R"({"apiVersion":"v1","kind":"Pod","metadata":{"creationTimestamp":"2026-11-22T15:04:05Z",)"
      R"("labels":{"a":"b","app":"web"},"name":"web","namespace":"default"},"spec":{"containers":)"
      R"([{"command":["a\n\"b"],"image":"i","livenessProbe":{"httpGet":{"port":"http"},)"
      R"("periodSeconds":3},"name":"c","ports":[{"containerPort":80}],"resources":{"limits":)"
      R"({"cpu":"1","memory":"1024"}}}],"nodeName":"n1","terminationGracePeriodSeconds":0,)"
      R"("volumes":[{"configMap":{"defaultMode":420,"name":"c"},"name":"cfg"}]},"status":{}})");
  EXPECT_EQ(json::Dump(ToDocument(pod)), ToJson(pod));
}

// An empty Deployment shows what upstream's encoder never leaves out.
TEST(Codec, AlwaysPresentFields) {
  EXPECT_EQ(
      ToJson(apps::v1::Deployment()),
      R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"creationTimestamp":null},"spec":)"
      R"({"selector":null,"strategy":{},"template":{"metadata":{"creationTimestamp":null},"spec":)"
      R"({"containers":[]}}},"status":{}})");
}

TEST(Codec, ListItemsHaveNoTypeMeta) {
  core::v1::PodList list;
  list.mutable_metadata()->set_resourceversion("7");
  list.add_items()->mutable_metadata()->set_name("a");
  EXPECT_EQ(
      ToJson(list),
      R"({"apiVersion":"v1","items":[{"metadata":{"creationTimestamp":null,"name":"a"},"spec":)"
      R"({"containers":[]},"status":{}}],"kind":"PodList","metadata":{"resourceVersion":"7"}})");
}

TEST(Codec, SecretBytesAreBase64) {
  core::v1::Secret secret;
  ASSERT_TRUE(FromJson(R"({"data":{"k":"aGk=","n":null}})", &secret).ok());
  EXPECT_EQ(secret.data().at("k"), "hi");
  EXPECT_EQ(secret.data().at("n"), "");
  EXPECT_EQ(ToDocument(secret)["data"], Doc(R"({"k":"aGk=","n":""})"));
  EXPECT_EQ(FromJson(R"({"data":{"k":"a*k="}})", &secret).error().message,
            "data.k: \"a*k=\": illegal base64 data at input byte 1");
}

TEST(Codec, RawExtensionKeepsAnyJson) {
  apps::v1::ControllerRevision revision;
  ASSERT_TRUE(FromJson(R"({"data":{"spec":[1,{"x":null}]},"revision":3})", &revision).ok());
  EXPECT_EQ(revision.data().raw(), R"({"spec":[1,{"x":null}]})");
  EXPECT_EQ(ToDocument(revision)["data"], Doc(R"({"spec":[1,{"x":null}]})"));
}

// Type errors are BadRequest and name the field as Go's decoder does.
TEST(Codec, TypeErrors) {
  struct Row {
    const char* text;
    const char* message;
  };
  const Row rows[] = {
      {R"({"spec":{"nodeName":5}})",
       "json: cannot unmarshal number into Go struct field PodSpec.spec.nodeName of type string"},
      {R"({"spec":{"containers":[{"args":["a",true]}]}})",
       "json: cannot unmarshal bool into Go struct field Container.spec.containers.args of type "
       "string"},
      {R"({"spec":{"priority":1.5}})",
       "json: cannot unmarshal number 1.5 into Go struct field PodSpec.spec.priority of type "
       "int32"},
      {R"({"spec":{"priority":3000000000}})",
       "json: cannot unmarshal number 3000000000 into Go struct field PodSpec.spec.priority of "
       "type int32"},
      {R"({"spec":{"containers":{}}})",
       "json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type "
       "[]v1.Container"},
      {R"({"metadata":{"labels":["a"]}})",
       "json: cannot unmarshal array into Go struct field ObjectMeta.metadata.labels of type "
       "map[string]string"},
      {R"([])", "json: cannot unmarshal array into Go value of type v1.Pod"},
      {R"({"spec":{"containers":[{"resources":{"limits":{"cpu":"1x"}}}]}})",
       "spec.containers[0].resources.limits.cpu: \"1x\": unable to parse quantity's suffix"},
      {R"({"metadata":{"creationTimestamp":"noon"}})",
       "metadata.creationTimestamp: \"noon\": parsing time \"noon\" as "
       "\"2006-01-02T15:04:05Z07:00\": cannot "
       "parse it as RFC 3339"},
  };
  for (const Row& row : rows) {
    core::v1::Pod pod;
    const Status decoded = FromJson(row.text, &pod);
    ASSERT_FALSE(decoded.ok()) << row.text;
    EXPECT_EQ(decoded.error().reason, Reason::kBadRequest);
    EXPECT_EQ(decoded.error().message, row.message);
    const Status validated = ValidateFields(Doc(row.text), PodSchema(), nullptr);
    ASSERT_FALSE(validated.ok()) << row.text;
    EXPECT_EQ(validated.error().message, row.message);
  }
}

TEST(Codec, UnknownAndDuplicateFields) {
  std::vector<json::DuplicateKey> duplicates;
  auto document = json::Parse(
      R"({"apiVersion":"v1","kind":"Pod","zzz":1,"spec":{"containers":[{"name":"a","imagee":"x","name":"b"}],
          "foo":{}},"metadata":{"labels":{"any":"x"}}})",
      {}, &duplicates);
  ASSERT_TRUE(document.ok());
  std::vector<std::string> unknown;
  ASSERT_TRUE(ValidateFields(*document, PodSchema(), &unknown).ok());
  EXPECT_EQ(StrictDecodingMessage(unknown, duplicates),
            "strict decoding error: unknown field \"spec.containers[0].imagee\", unknown field "
            "\"spec.foo\", unknown field \"zzz\", duplicate field \"spec.containers[0].name\"");
  PruneUnknown(*document, PodSchema());
  EXPECT_EQ(*document, Doc(R"({"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"name":"b"}]},
                               "metadata":{"labels":{"any":"x"}}})"));
}

// Straight from the text: the same findings, in the text's order, and the later duplicate wins.
TEST(Codec, FindingsOfDirectDecoding) {
  core::v1::Pod pod;
  JsonFindings findings;
  ASSERT_TRUE(FromJson(R"({"apiVersion":"v1","kind":"Pod","zzz":{"a":[1]},"spec":{"containers":
      [{"name":"a","imagee":"x","name":"b"}],"foo":{},"volumes":[{"name":"v","emptyDir":{"medium":"Memory"},
      "emptyDir":{}}],"volumes":null},"metadata":{"labels":{"k":"1","k":"2"},"kind":"x"},"kind":"Pod"})",
                       &pod, &findings)
                  .ok());
  EXPECT_EQ(findings.api_version, "v1");
  EXPECT_EQ(findings.kind, "Pod");
  EXPECT_EQ(StrictDecodingMessage(findings.unknown_fields, findings.duplicates),
            "strict decoding error: unknown field \"zzz\", unknown field "
            "\"spec.containers[0].imagee\", unknown field \"spec.foo\", unknown field "
            "\"metadata.kind\", duplicate field \"spec.containers[0].name\", duplicate field "
            "\"spec.volumes[0].emptyDir\", duplicate field \"spec.volumes\", duplicate field "
            "\"metadata.labels.k\", duplicate field \"kind\"");
  EXPECT_EQ(pod.spec().containers(0).name(), "b");
  EXPECT_EQ(pod.spec().volumes_size(), 0);
  EXPECT_EQ(pod.metadata().labels().at("k"), "2");
}

TEST(Codec, DirectDecodingRefusesBadText) {
  for (const char* text :
       {"", "{", "{} x", "[1]", "null", R"({"spec":{"containers":[{]}})", R"({"kind":3})",
        R"({"zzz":[1,})", R"({"metadata":{"labels":{"a":1}}})"}) {
    core::v1::Pod pod;
    auto read = FromJson(text, &pod);
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_EQ(read.error().reason, Reason::kBadRequest) << text;
  }
  core::v1::Pod pod;
  EXPECT_EQ(FromJson("{}", &pod, nullptr, {.max_bytes = 1}).error().reason,
            Reason::kRequestEntityTooLarge);
}

TEST(Codec, StaticDefaults) {
  json::Value pod = Doc(R"({"spec":{"containers":[{"name":"a","ports":[{"containerPort":1}],
      "readinessProbe":{"periodSeconds":0,"timeoutSeconds":4,"httpGet":{"port":1}}}],
      "volumes":[{"name":"s","secret":{}}]}})");
  ApplyDefaults(pod, PodSchema());
  EXPECT_EQ(
      pod, Doc(R"({"spec":{"containers":[{"name":"a","ports":[{"containerPort":1,"protocol":"TCP"}],
      "readinessProbe":{"periodSeconds":10,"timeoutSeconds":4,"successThreshold":1,"failureThreshold":3,
                        "httpGet":{"port":1,"path":"/","scheme":"HTTP"}},
      "terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File"}],
      "volumes":[{"name":"s","secret":{"defaultMode":420}}],
      "dnsPolicy":"ClusterFirst","restartPolicy":"Always","schedulerName":"default-scheduler",
      "securityContext":{},"terminationGracePeriodSeconds":30}})"));

  // A pod template below a Deployment that says nothing gets them too; a pointer that is set to
  // zero stays.
  json::Value deployment = Doc(R"({"spec":{"replicas":0}})");
  ApplyDefaults(deployment, *KindOf<apps::v1::Deployment>().schema);
  EXPECT_EQ(deployment["spec"]["replicas"], 0);
  EXPECT_EQ(deployment["spec"]["strategy"]["type"], "RollingUpdate");
  EXPECT_EQ(deployment["spec"]["template"]["spec"]["restartPolicy"], "Always");
}

// Defaults on a message are those on its document.
TEST(Codec, DefaultsOnMessages) {
  const char* const rows[] = {
      "{}",
      R"({"spec":{"containers":[{"name":"a","ports":[{"containerPort":1}],"env":[{"name":"N","valueFrom":
          {"fieldRef":{"fieldPath":"x"}}}],"readinessProbe":{"periodSeconds":0,"httpGet":{"port":1}}},{}],
          "ephemeralContainers":[{}],"terminationGracePeriodSeconds":0,"schedulerName":"",
          "volumes":[{"name":"s","secret":{}},{"name":"h","hostPath":{"path":"/"}},{"name":"e"}]}})",
  };
  for (const char* text : rows) {
    json::Value document = Doc(text);
    core::v1::Pod pod;
    ASSERT_TRUE(FromDocument(document, &pod).ok());
    ApplyDefaults(&pod);
    ApplyDefaults(document, PodSchema());
    core::v1::Pod expected;
    ASSERT_TRUE(FromDocument(document, &expected).ok());
    EXPECT_EQ(ToJson(pod), ToJson(expected)) << text;
  }
}

// Every kind: an empty object gets the same defaults either way, and reads back what it writes.
TEST(Codec, EveryKindDefaultsAndRoundTrips) {
  for (const KindInfo* kind : AllKinds()) {
    json::Value document = json::Value::object();
    ApplyDefaults(document, *kind->schema);
    auto expected = kind->New();
    ASSERT_TRUE(FromDocument(document, expected.get()).ok()) << kind->kind;
    auto message = kind->New();
    ApplyDefaults(message.get());
    EXPECT_EQ(ToJson(*message), ToJson(*expected)) << kind->kind;
    auto again = kind->New();
    ASSERT_TRUE(FromJson(ToJson(*message), again.get()).ok()) << kind->kind;
    EXPECT_EQ(ToJson(*again), ToJson(*message)) << kind->kind;
  }
}

TEST(Codec, CanonicalizeMessages) {
  core::v1::Pod pod;
  auto& limits = *pod.mutable_spec()->add_containers()->mutable_resources()->mutable_limits();
  limits["cpu"].set_string("1000m");
  limits["memory"].set_string("1024Ki");
  ASSERT_TRUE(CanonicalizeMessage(&pod).ok());
  EXPECT_EQ(limits.at("cpu").string(), "1");
  EXPECT_EQ(limits.at("memory").string(), "1Mi");
  limits["cpu"].set_string("lots");
  EXPECT_EQ(CanonicalizeMessage(&pod).error().reason, Reason::kBadRequest);
  apps::v1::ControllerRevision revision;
  revision.mutable_data()->set_raw("{");
  EXPECT_FALSE(CanonicalizeMessage(&revision).ok());
}

// Normalize gives what decoding and encoding would give.
TEST(Codec, NormalizeIsTheRoundTrip) {
  const char* const rows[] = {
      R"({})",
      R"({"apiVersion":"v1","kind":"Pod","metadata":null,"spec":null,"status":null,"unknown":[1]})",
      R"({"metadata":{"labels":{},"name":"","generation":0,"finalizers":[],"annotations":{"a":null},
          "deletionTimestamp":null,"creationTimestamp":"0001-01-01T00:00:00Z","apiVersion":"v9"}})",
      R"({"spec":{"hostNetwork":false,"priority":0,"containers":[null,{"resources":null,"env":[]}],
          "securityContext":{},"affinity":null,"overhead":{"cpu":0.5,"memory":"1048576Ki"}}})",
      R"({"spec":{"volumes":[{"name":"v","emptyDir":{}},{"name":"w","ephemeral":{"volumeClaimTemplate":
          {"spec":{"resources":{}}}}}],"ephemeralContainers":[{"name":"e","targetContainerName":"c"}]}})",
      R"({"status":{"conditions":[{"type":"Ready","status":"True","lastProbeTime":null}],
          "startTime":"2020-01-01T00:00:00.999+01:00","containerStatuses":[{"name":"c","ready":false}]}})",
  };
  for (const char* text : rows) {
    json::Value document = Doc(text);
    core::v1::Pod pod;
    ASSERT_TRUE(ValidateFields(document, PodSchema(), nullptr).ok()) << text;
    ASSERT_TRUE(FromDocument(document, &pod).ok()) << text;
    json::Value expected = ToDocument(pod);
    if (!document.contains("apiVersion")) {
      expected.erase("apiVersion");
      expected.erase("kind");
    }
    Normalize(document, PodSchema());
    EXPECT_EQ(document.dump(1), expected.dump(1)) << text;
  }
}

TEST(Codec, ProtobufEnvelope) {
  core::v1::Pod pod;
  pod.mutable_metadata()->set_name("web");
  const std::string bytes = ToProtobuf(pod);
  EXPECT_TRUE(HasProtobufMagic(bytes));
  auto envelope = ParseEnvelope(bytes);
  ASSERT_TRUE(envelope.ok());
  EXPECT_EQ(envelope->api_version, "v1");
  EXPECT_EQ(envelope->kind, "Pod");
  EXPECT_EQ(envelope->content_type, "");
  EXPECT_EQ(WrapProtobuf(envelope->raw, "v1", "Pod"), bytes);
  // The bytes are a runtime.Unknown to protobuf itself as well.
  meta::v1::Unknown unknown;
  ASSERT_TRUE(unknown.ParseFromString(bytes.substr(4)));
  EXPECT_EQ(unknown.typemeta().kind(), "Pod");
  EXPECT_EQ(unknown.raw(), envelope->raw);
  EXPECT_TRUE(unknown.has_contenttype());
  auto decoded = FromProtobuf(bytes);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(ToJson(**decoded), ToJson(pod));
}

TEST(Codec, BadEnvelopesAreRefused) {
  const std::string good = ToProtobuf(core::v1::Pod());
  EXPECT_FALSE(ParseEnvelope("").ok());
  EXPECT_FALSE(ParseEnvelope("k8s").ok());
  EXPECT_FALSE(ParseEnvelope("{}").ok());
  EXPECT_FALSE(ParseEnvelope(good.substr(0, good.size() - 3)).ok());
  EXPECT_FALSE(FromProtobuf(WrapProtobuf("", "v1", "Nonesuch")).ok());
  EXPECT_FALSE(FromProtobuf(WrapProtobuf("\x0A\x7F", "v1", "Pod")).ok());
}

// Fields that nothing honours are not passed over.
TEST(Codec, EnvelopesOfOtherContentAreRefused) {
  meta::v1::Unknown unknown;
  unknown.mutable_typemeta()->set_apiversion("v1");
  unknown.mutable_typemeta()->set_kind("Pod");
  unknown.set_raw("");
  const auto bytes = [&] { return "k8s" + std::string(1, '\0') + unknown.SerializeAsString(); };
  EXPECT_TRUE(ParseEnvelope(bytes()).ok());
  unknown.set_contenttype(std::string(kProtobufMediaType));
  EXPECT_TRUE(ParseEnvelope(bytes()).ok());
  unknown.set_contenttype("application/json");
  EXPECT_EQ(ParseEnvelope(bytes()).error().reason, Reason::kBadRequest);
  unknown.clear_contenttype();
  unknown.set_contentencoding("gzip");
  EXPECT_EQ(ParseEnvelope(bytes()).error().reason, Reason::kBadRequest);
}

// The magic alone makes no envelope: JSON clients would see null.
TEST(Codec, RawBytesBehindTheMagicAreAnEnvelope) {
  apps::v1::ControllerRevision revision;
  revision.mutable_data()->set_raw("k8s" + std::string(1, '\0') + "rubbish");
  EXPECT_EQ(CanonicalizeMessage(&revision).error().reason, Reason::kBadRequest);
  core::v1::Pod pod;
  revision.mutable_data()->set_raw(ToProtobuf(pod));
  EXPECT_TRUE(CanonicalizeMessage(&revision).ok());
}

// An event's object in protobuf is an envelope of its own; in JSON it is the object.
TEST(Codec, RawEnvelopeBecomesJson) {
  meta::v1::WatchEvent event;
  event.set_type("ADDED");
  event.mutable_object()->set_raw(ToProtobuf(core::v1::ConfigMap()));
  EXPECT_EQ(ToDocument(event)["object"]["kind"], "ConfigMap");
  event.mutable_object()->set_raw("not JSON");
  EXPECT_EQ(ToDocument(event)["object"], json::Value());
  // Envelopes within envelopes end somewhere.
  for (int i = 0; i < 50; ++i) {
    const std::string inner = ToProtobuf(event);
    event.mutable_object()->set_raw(inner);
  }
  EXPECT_LT(ToJson(event).size(), 1000U);
}

}  // namespace
}  // namespace wherry::api
