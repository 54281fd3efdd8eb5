#include "apiserver/admission/service_account.h"

#include "apiserver/admission/pod_plugin.h"
#include "lib/api/kind_registry.h"
#include "lib/api/references.h"
#include "lib/loop/world.h"
#include "proto/api/core/v1.pb.h"

#include <algorithm>

namespace wherry::apiserver::admission {

namespace {

using api::core::v1::ServiceAccount;

constexpr const char* kMirrorAnnotation = "kubernetes.io/config.mirror";
constexpr const char* kMountPath = "/var/run/secrets/kubernetes.io/serviceaccount";
constexpr const char* kVolumePrefix = "kube-api-access-";
// Seven seconds above the hour: node agents renew such tokens early.
constexpr int64_t kTokenSeconds = 3607;
constexpr int32_t kFileMode = 0644;

bool WantsToken(const Pod& pod, const ServiceAccount& account) {
  if (pod.spec().has_automountserviceaccounttoken()) {
    return pod.spec().automountserviceaccounttoken();
  }
  return !account.has_automountserviceaccounttoken() || account.automountserviceaccounttoken();
}

void FillTokenVolume(api::core::v1::Volume& volume) {
  auto& projected = *volume.mutable_volumesource()->mutable_projected();
  projected.set_defaultmode(kFileMode);
  auto& token = *projected.add_sources()->mutable_serviceaccounttoken();
  token.set_expirationseconds(kTokenSeconds);
  token.set_path("token");
  auto& root_ca = *projected.add_sources()->mutable_configmap();
  root_ca.mutable_localobjectreference()->set_name("kube-root-ca.crt");
  auto& key = *root_ca.add_items();
  key.set_key("ca.crt");
  key.set_path("ca.crt");
  auto& ns = *projected.add_sources()->mutable_downwardapi()->add_items();
  ns.set_path("namespace");
  ns.mutable_fieldref()->set_apiversion("v1");
  ns.mutable_fieldref()->set_fieldpath("metadata.namespace");
}

// Whether something was mounted: containers that use the path themselves keep it.
template <typename Containers>
bool MountInto(Containers& containers, const std::string& volume) {
  bool mounted = false;
  for (auto& container : containers) {
    const auto& mounts = container.volumemounts();
    bool taken = std::any_of(mounts.begin(), mounts.end(),
                             [](const auto& mount) { return mount.mountpath() == kMountPath; });
    if (taken) continue;
    auto& mount = *container.add_volumemounts();
    mount.set_name(volume);
    mount.set_readonly(true);
    mount.set_mountpath(kMountPath);
    mounted = true;
  }
  return mounted;
}

// A mirror pod shows what a node runs by itself; it stays as it is and asks for nothing.
Status AdmitMirror(const Pod& pod) {
  if (!pod.spec().serviceaccountname().empty()) {
    return Forbid(pod, "a mirror pod may not reference service accounts");
  }
  const api::PodReferences references = api::ReferencesOf(pod);
  if (!references.secrets.empty()) return Forbid(pod, "a mirror pod may not reference secrets");
  if (references.token_volumes) {
    return Forbid(pod, "a mirror pod may not use ServiceAccountToken volume projections");
  }
  return Ok();
}

class ServiceAccountPlugin : public PodPlugin {
 public:
  ServiceAccountPlugin(bool mount_tokens, Random& random)
      : mount_tokens_(mount_tokens), random_(random) {}

 protected:
  Status AdmitPod(const Context& context, Pod& pod, const Pod* old) const override {
    if (old != nullptr) return Ok();
    if (pod.metadata().annotations().contains(kMirrorAnnotation)) return AdmitMirror(pod);
    auto& spec = *pod.mutable_spec();
    if (spec.serviceaccountname().empty()) {
      spec.set_serviceaccountname("default");
      spec.set_serviceaccount("default");
    }
    const std::string& name = spec.serviceaccountname();
    const std::string& ns = pod.metadata().namespace_();
    std::shared_ptr<const registry::Message> found;
    if (context.lookup != nullptr) {
      found = (*context.lookup)(api::KindOf<ServiceAccount>(), ns, name);
    }
    if (!found) {
      // The account "default" comes to a namespace a moment after it was made. Without a token to
      // mount there is nothing in it to wait for.
      const bool declines =
          spec.has_automountserviceaccounttoken() && !spec.automountserviceaccounttoken();
      if (name == "default" && (!mount_tokens_ || declines)) return Ok();
      return Forbid(pod, "error looking up service account " + ns + "/" + name +
                             ": serviceaccount \"" + name + "\" not found");
    }
    const auto& account = registry::Typed<ServiceAccount>(*found);
    if (spec.imagepullsecrets_size() == 0) {
      *spec.mutable_imagepullsecrets() = account.imagepullsecrets();
    }
    if (mount_tokens_ && WantsToken(pod, account)) MountToken(pod);
    return Ok();
  }

 private:
  void MountToken(Pod& pod) const {
    auto& spec = *pod.mutable_spec();
    auto is_token = [](const auto& volume) { return volume.name().starts_with(kVolumePrefix); };
    auto present = std::find_if(spec.volumes().begin(), spec.volumes().end(), is_token);
    bool has_volume = present != spec.volumes().end();
    std::string volume = has_volume ? present->name() : kVolumePrefix + random_.NameSuffix();
    bool in_init = MountInto(*spec.mutable_initcontainers(), volume);
    bool in_others = MountInto(*spec.mutable_containers(), volume);
    if (has_volume || (!in_init && !in_others)) return;
    auto& added = *spec.add_volumes();
    added.set_name(volume);
    FillTokenVolume(added);
  }

  bool mount_tokens_;
  Random& random_;
};

}  // namespace

std::unique_ptr<registry::Admitter> MakeServiceAccount(bool mount_tokens, Random& random) {
  return std::make_unique<ServiceAccountPlugin>(mount_tokens, random);
}

}  // namespace wherry::apiserver::admission
