// Pods: volumes, security, where they go.
#include "core/kinds/parts/pod_testing.hpp"

namespace gantry::kinds::parts_pod_rules_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Pods, MountsAndVolumes) {
  EXPECT_THAT(container_problems(R"("volumeMounts":[{"name":"v","mountPath":"/a"}])"),
              ElementsAre("spec.containers[0].volumeMounts[0].name: Not found: \"v\""));
  constexpr std::string_view kVolume = R"("volumes":[{"name":"v"}],)";
  EXPECT_THAT(
      container_problems(R"("volumeMounts":[{"name":"v","mountPath":"/a"},{"name":"v","mountPath":"/a"}])", kVolume),
      ElementsAre("spec.containers[0].volumeMounts[1].mountPath: Invalid value: \"/a\": must be unique"));
  EXPECT_THAT(
      container_problems(R"("volumeMounts":[{"name":"v","mountPath":"/a","subPath":"../b"}])", kVolume),
      ElementsAre("spec.containers[0].volumeMounts[0].subPath: Invalid value: \"../b\": must not contain '..'"));
  EXPECT_THAT(container_problems(R"("volumeMounts":[{"name":"v","mountPath":"/a","subPath":"/b"}])", kVolume),
              ElementsAre(HasSubstr("must be a relative path")));
  EXPECT_THAT(container_problems(R"("volumeMounts":[{"name":"v","mountPath":"/a","mountPropagation":"Bidirectional"}])",
                                 kVolume),
              ElementsAre(HasSubstr("Bidirectional mount propagation is available only to privileged containers")));
  EXPECT_THAT(pod_problems(R"({"spec":{"volumes":[{"name":"v"},{"name":"v"}]}})"),
              ElementsAre("spec.volumes[1].name: Duplicate value: \"v\""));
  EXPECT_THAT(pod_problems(R"({"spec":{"volumes":[{"name":"v","emptyDir":{},"hostPath":{"path":"/"}}]}})"),
              ElementsAre("spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type"));
  EXPECT_THAT(
      pod_problems(R"({"spec":{"volumes":[{"name":"v","ephemeral":{"volumeClaimTemplate":{"spec":{
                               "accessModes":["Any"],"resources":{"requests":{"storage":"0"}}}}}}]}})"),
      ElementsAre(HasSubstr("spec.volumes[0].ephemeral.volumeClaimTemplate.spec.accessModes: Unsupported value"),
                  "spec.volumes[0].ephemeral.volumeClaimTemplate.spec.resources[storage]: Invalid value: "
                  "\"0\": must be greater than zero"));
  EXPECT_THAT(pod_problems(R"({"spec":{"volumes":[{"name":"v","secret":{}}]}})"),
              ElementsAre("spec.volumes[0].secret.secretName: Required value"));
  EXPECT_THAT(pod_problems(R"({"spec":{"volumes":[{"name":"v","configMap":{"name":"c","defaultMode":512}}]}})"),
              ElementsAre("spec.volumes[0].configMap.defaultMode: Invalid value: 512: must be a number between 0 and "
                          "0777 (octal), both inclusive"));
  EXPECT_THAT(pod_problems(R"({"spec":{"volumes":[{"name":"v","hostPath":{"path":"/a/../b","type":"Dir"}}]}})"),
              ElementsAre(HasSubstr("hostPath.type: Unsupported value: \"Dir\""), HasSubstr("must not contain '..'")));
  EXPECT_THAT(
      pod_problems(
          R"({"spec":{"volumes":[{"name":"v","projected":{"sources":[{"secret":{"name":"a","items":[{"key":"k","path":"p"}]}},
      {"configMap":{"name":"a","items":[{"key":"k","path":"p"}]}}]}}]}})"),
      ElementsAre(HasSubstr("conflicting duplicate paths")));
}

TEST(Pods, FilesOfVolumes) {
  EXPECT_THAT(
      pod_problems(
          R"({"spec":{"volumes":[{"name":"v","configMap":{"name":"c","items":[{"key":"odd key/","path":"a/b"}]}}]}})"),
      IsEmpty());
  EXPECT_THAT(
      pod_problems(
          R"({"spec":{"volumes":[{"name":"v","configMap":{"name":"c","items":[{"key":"k","path":"..data"}]}}]}})"),
      ElementsAre("spec.volumes[0].configMap.items[0].path: Invalid value: \"..data\": must not start with '..'"));
  EXPECT_THAT(
      pod_problems(
          R"({"spec":{"volumes":[{"name":"v","secret":{"secretName":"s","items":[{"key":"k","path":"../x"}]}}]}})"),
      ElementsAre("spec.volumes[0].secret.items[0].path: Invalid value: \"../x\": must not contain '..'"));
  EXPECT_THAT(pod_problems(R"({"spec":{"volumes":[{"name":"v","downwardAPI":{"items":[{"path":"p"}]}}]}})"),
              ElementsAre("spec.volumes[0].downwardAPI.items[0].fieldRef: Required value: one of fieldRef and "
                          "resourceFieldRef is required"));
}

TEST(Pods, SecurityAndProfiles) {
  EXPECT_THAT(container_problems(R"("securityContext":{"privileged":true,"allowPrivilegeEscalation":false})"),
              ElementsAre(HasSubstr("cannot set `allowPrivilegeEscalation` to false and `privileged` to true")));
  EXPECT_THAT(container_problems(R"("securityContext":{"seccompProfile":{"type":"Localhost"}})"),
              ElementsAre("spec.containers[0].securityContext.seccompProfile.localhostProfile: Required value: must be "
                          "set when seccomp type is Localhost"));
  EXPECT_THAT(container_problems(R"("securityContext":{"runAsUser":-1})"),
              ElementsAre(HasSubstr("securityContext.runAsUser: Invalid value: -1: must be between 0 and ")));
  EXPECT_THAT(pod_problems(R"({"spec":{"hostPID":true,"shareProcessNamespace":true}})"),
              ElementsAre("spec.securityContext.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and "
                          "HostPID cannot both be enabled"));
}

TEST(Pods, PlacementAndTheRestOfTheSpec) {
  EXPECT_THAT(pod_problems(R"({"spec":{"restartPolicy":"Sometimes"}})"),
              ElementsAre("spec.restartPolicy: Unsupported value: \"Sometimes\": supported values: \"Always\", "
                          "\"OnFailure\", \"Never\""));
  EXPECT_THAT(pod_problems(R"({"spec":{"activeDeadlineSeconds":0}})"),
              ElementsAre("spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive"));
  EXPECT_THAT(pod_problems(R"({"spec":{"dnsPolicy":"None"}})"),
              ElementsAre("spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"));
  EXPECT_THAT(pod_problems(R"({"spec":{"tolerations":[{"operator":"Equal"}]}})"),
              ElementsAre(HasSubstr("operator must be Exists when `key` is empty")));
  EXPECT_THAT(pod_problems(R"({"spec":{"tolerations":[{"key":"a","effect":"NoSchedule","tolerationSeconds":1}]}})"),
              ElementsAre("spec.tolerations[0].effect: Invalid value: \"NoSchedule\": effect must be 'NoExecute' when "
                          "`tolerationSeconds` is set"));
  EXPECT_THAT(pod_problems(R"({"spec":{"nodeSelector":{"a b":"c"}}})"),
              ElementsAre(HasSubstr("spec.nodeSelector: Invalid value: \"a b\"")));
  EXPECT_THAT(pod_problems(R"({"spec":{"hostAliases":[{"ip":"1.2.3"}]}})"),
              ElementsAre("spec.hostAliases[0].ip: Invalid value: \"1.2.3\": must be a valid IP address, (e.g. "
                          "10.9.8.7 or 2001:db8::ffff)"));
  EXPECT_THAT(pod_problems(R"({"spec":{"hostAliases":[{"ip":"1.2.3.04"}]}})"),
              ElementsAre("spec.hostAliases[0].ip: Invalid value: \"1.2.3.04\": must not have leading 0s"));
  EXPECT_THAT(pod_problems(R"({"spec":{"dnsConfig":{"nameservers":["1.2.3.4","::ffff:1.2.3.4"]}}})"),
              ElementsAre("spec.dnsConfig.nameservers[1]: Invalid value: \"::ffff:1.2.3.4\": must not be an "
                          "IPv4-mapped IPv6 address"));
  EXPECT_THAT(
      pod_problems(
          R"({"spec":{"topologySpreadConstraints":[{"maxSkew":0,"topologyKey":"z","whenUnsatisfiable":"DoNotSchedule"}]}})"),
      ElementsAre("spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero"));
  EXPECT_THAT(
      pod_problems(
          R"({"spec":{"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[
      {"matchExpressions":[{"key":"a","operator":"In"}]}]}}}}})"),
      ElementsAre(HasSubstr(
          "matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'")));
  EXPECT_THAT(
      pod_problems(
          R"({"spec":{"affinity":{"podAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"labelSelector":{}}]}}}})"),
      ElementsAre("spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: Required "
                  "value: can not be empty"));
  EXPECT_THAT(pod_problems(R"({"spec":{"ephemeralContainers":[{"name":"e","image":"i"}]}})"),
              ElementsAre("spec.ephemeralContainers: Forbidden: cannot be set on create"));
}

TEST(Pods, FilesOfThePodItself) {
  const auto item = [](std::string_view source) {
    return pod_problems(R"({"spec":{"volumes":[{"name":"v","downwardAPI":{"items":[{"path":"p",)" +
                        std::string(source) + "}]}}]}}");
  };
  EXPECT_THAT(item(R"("fieldRef":{"fieldPath":"metadata.labels"})"), IsEmpty());
  EXPECT_THAT(item(R"("fieldRef":{"fieldPath":"status.podIP"})"),
              ElementsAre(HasSubstr("items[0].fieldRef.fieldPath: Unsupported value: \"status.podIP\"")));
  EXPECT_THAT(item(R"("resourceFieldRef":{"resource":"limits.cpu","containerName":"c"})"), IsEmpty());
  EXPECT_THAT(item(R"("resourceFieldRef":{"resource":"limits.cpu"})"),
              ElementsAre(HasSubstr("items[0].resourceFieldRef.containerName: Required value")));
  EXPECT_THAT(item(R"("fieldRef":{"fieldPath":"metadata.name"},"resourceFieldRef":{"resource":"limits.cpu"})"),
              ElementsAre(HasSubstr("fieldRef and resourceFieldRef can not be specified simultaneously")));
}

TEST(Pods, SourcesOfAProjectedVolume) {
  const auto sources = [](std::string_view list) {
    return pod_problems(R"({"spec":{"volumes":[{"name":"v","projected":{"sources":[)" + std::string(list) + "]}}]}}");
  };
  EXPECT_THAT(
      sources(R"({"serviceAccountToken":{"path":"t"}},{"secret":{"name":"s","items":[{"key":"k","path":"p"}]}})"),
      IsEmpty());
  EXPECT_THAT(
      sources(R"({"serviceAccountToken":{"path":"p"}},{"secret":{"name":"s","items":[{"key":"k","path":"p"}]}})"),
      ElementsAre(HasSubstr("sources[1].secret.items[0].path: Invalid value: \"p\": conflicting duplicate")));
  EXPECT_THAT(sources(R"({"serviceAccountToken":{"path":"../p"}})"), ElementsAre(HasSubstr("must not contain '..'")));
  EXPECT_THAT(sources(R"({"configMap":{}},{"secret":{}})"),
              ElementsAre("spec.volumes[0].projected.sources[0].configMap.name: Required value",
                          "spec.volumes[0].projected.sources[1].secret.name: Required value"));
  EXPECT_THAT(sources("{}"),
              ElementsAre("spec.volumes[0].projected.sources[0]: Required value: must specify a volume type"));
  EXPECT_THAT(sources(R"({"configMap":{"name":"c"},"secret":{"name":"s"}})"),
              ElementsAre(HasSubstr("Forbidden: may not specify more than 1 volume type")));
  EXPECT_THAT(sources(R"({"downwardAPI":{"items":[{"path":"p"}]}})"),
              ElementsAre(HasSubstr("one of fieldRef and resourceFieldRef is required")));
}

TEST(Pods, OperatorsHaveTheValuesThatTheyNeed) {
  const auto terms = [](std::string_view term) {
    return pod_problems(
        R"({"spec":{"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[)" +
        std::string(term) + "]}}}}}");
  };
  const auto requirement = [&](std::string_view rest) {
    return terms(R"({"matchExpressions":[{"key":"a",)" + std::string(rest) + "}]}");
  };
  for (std::string_view good :
       {R"("operator":"NotIn","values":["1"])", R"("operator":"Exists")", R"("operator":"DoesNotExist")",
        R"("operator":"Gt","values":["1"])", R"("operator":"Lt","values":["1"])"}) {
    EXPECT_THAT(requirement(good), IsEmpty()) << good;
  }
  EXPECT_THAT(requirement(R"("operator":"NotIn")"), ElementsAre(HasSubstr("must be specified when `operator` is")));
  for (std::string_view op : {"Exists", "DoesNotExist"}) {
    EXPECT_THAT(requirement(R"("values":["1"],"operator":")" + std::string(op) + "\""),
                ElementsAre(HasSubstr("matchExpressions[0].values: Forbidden: may not be specified when")));
  }
  for (std::string_view op : {"Gt", "Lt"}) {
    EXPECT_THAT(requirement(R"("values":["1","2"],"operator":")" + std::string(op) + "\""),
                ElementsAre(HasSubstr("matchExpressions[0].values: Required value: must be specified single value")));
  }
  const auto field = [&](std::string_view rest) { return terms(R"({"matchFields":[{)" + std::string(rest) + "}]}"); };
  EXPECT_THAT(field(R"("key":"metadata.name","operator":"In","values":["n"])"), IsEmpty());
  EXPECT_THAT(field(R"("key":"metadata.name","operator":"In","values":["n","m"])"),
              ElementsAre(HasSubstr("matchFields[0].values: Required value: must be only one value")));
  EXPECT_THAT(field(R"("key":"metadata.uid","operator":"Exists")"),
              ElementsAre(HasSubstr("matchFields[0].operator: Invalid value: \"Exists\""),
                          HasSubstr("matchFields[0].key: Invalid value: \"metadata.uid\"")));
}

TEST(Pods, WhereTheyGo) {
  EXPECT_THAT(pod_problems(R"({"spec":{"tolerations":[{"key":"a","operator":"Exists","value":"b"}]}})"),
              ElementsAre(HasSubstr("value must be empty when `operator` is 'Exists'")));
  EXPECT_THAT(pod_problems(R"({"spec":{"tolerations":[{"operator":"Exists"}]}})"), IsEmpty());
  const auto spread = [](std::string_view when, std::string_view more) {
    const std::string one = R"({"maxSkew":1,"topologyKey":"z","whenUnsatisfiable":")" + std::string(when) + "\"";
    return pod_problems(R"({"spec":{"topologySpreadConstraints":[)" + one + std::string(more) + "}]}}");
  };
  EXPECT_THAT(spread("DoNotSchedule", R"(,"minDomains":2)"), IsEmpty());
  EXPECT_THAT(spread("ScheduleAnyway", R"(,"minDomains":2)"),
              ElementsAre(HasSubstr("can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway")));
  EXPECT_THAT(spread("DoNotSchedule", R"(},{"maxSkew":2,"topologyKey":"z","whenUnsatisfiable":"DoNotSchedule")"),
              ElementsAre("spec.topologySpreadConstraints[1].{topologyKey, whenUnsatisfiable}: Duplicate value: \"{z, "
                          "DoNotSchedule}\""));
  EXPECT_THAT(
      spread("DoNotSchedule", R"(,"labelSelector":{"matchExpressions":[{"key":"a","operator":"In"}]})"),
      ElementsAre(HasSubstr("topologySpreadConstraints[0].labelSelector.matchExpressions[0].values: Required value")));
  EXPECT_THAT(pod_problems(R"({"spec":{"nodeName":"n","schedulingGates":[{"name":"a/b"}]}})"),
              ElementsAre("spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared"));
  EXPECT_THAT(pod_problems(R"({"spec":{"schedulingGates":[{"name":"a/b"}]}})"), IsEmpty());
}

TEST(Pods, NamesAreAskedOfAFewServers) {
  const auto dns = [](std::string_view config) {
    return pod_problems(R"({"spec":{"dnsPolicy":"None","dnsConfig":)" + std::string(config) + "}}");
  };
  EXPECT_THAT(dns(R"({"nameservers":["1.1.1.1","1.1.1.2","1.1.1.3"]})"), IsEmpty());
  EXPECT_THAT(dns(R"({"nameservers":["1.1.1.1","1.1.1.2","1.1.1.3","1.1.1.4"]})").size(), 1U);
  EXPECT_THAT(dns(R"({"searches":["a"]})"),
              ElementsAre(HasSubstr("Required value: must provide at least one DNS nameserver when `dnsPolicy` is N")));
  std::string searches;
  for (int i = 0; i < 32; ++i) searches += (i > 0 ? ",\"a" : "\"a") + std::to_string(i) + "\"";
  EXPECT_THAT(dns(R"({"nameservers":["1.1.1.1"],"searches":[)" + searches + "]}"), IsEmpty());
  EXPECT_THAT(dns(R"({"nameservers":["1.1.1.1"],"searches":[)" + searches + ",\"b\"]}").size(), 1U);
}

}  // namespace
}  // namespace gantry::kinds::parts_pod_rules_test
