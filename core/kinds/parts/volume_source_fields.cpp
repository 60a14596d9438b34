// The fields of the places where a PersistentVolume's storage can be, as refusals show them. A table; pure, any thread.
#include "core/kinds/parts/shown_fields.hpp"

namespace gantry::kinds {
namespace {

using Absent = Shown::Absent;

constexpr Shown kFsType{"FSType", "fsType", Absent::kText}, kReadOnly{"ReadOnly", "readOnly", Absent::kFlag};
constexpr Shown kSecret[] = {{"Name", "name", Absent::kText}, {"Namespace", "namespace", Absent::kText}};
constexpr Shown kObject[] = {{"Kind", "kind", Absent::kText},
                             {"Namespace", "namespace", Absent::kText},
                             {"Name", "name", Absent::kText},
                             {"UID", "uid", Absent::kText},
                             {"APIVersion", "apiVersion", Absent::kText},
                             {"ResourceVersion", "resourceVersion", Absent::kText},
                             {"FieldPath", "fieldPath", Absent::kText}};

constexpr Shown kGceFields[] = {
    {"PDName", "pdName", Absent::kText}, kFsType, {"Partition", "partition", Absent::kNumber}, kReadOnly};
constexpr Shown kAwsFields[] = {
    {"VolumeID", "volumeID", Absent::kText}, kFsType, {"Partition", "partition", Absent::kNumber}, kReadOnly};
constexpr Shown kHostPathFields[] = {{"Path", "path", Absent::kText}, {"Type", "type"}};
constexpr Shown kGlusterFields[] = {{"EndpointsName", "endpoints", Absent::kText},
                                    {"Path", "path", Absent::kText},
                                    kReadOnly,
                                    {"EndpointsNamespace", "endpointsNamespace"}};
constexpr Shown kNfsFields[] = {{"Server", "server", Absent::kText}, {"Path", "path", Absent::kText}, kReadOnly};
constexpr Shown kRbdFields[] = {{"CephMonitors", "monitors"},
                                {"RBDImage", "image", Absent::kText},
                                kFsType,
                                {"RBDPool", "pool", Absent::kText},
                                {"RadosUser", "user", Absent::kText},
                                {"Keyring", "keyring", Absent::kText},
                                {"SecretRef", "secretRef", Absent::kNull, kSecret},
                                kReadOnly};
constexpr Shown kQuobyteFields[] = {
    {"Registry", "registry", Absent::kText}, {"Volume", "volume", Absent::kText}, kReadOnly,
    {"User", "user", Absent::kText},         {"Group", "group", Absent::kText},   {"Tenant", "tenant", Absent::kText}};
constexpr Shown kIscsiFields[] = {{"TargetPortal", "targetPortal", Absent::kText},
                                  {"IQN", "iqn", Absent::kText},
                                  {"Lun", "lun", Absent::kNumber},
                                  {"ISCSIInterface", "iscsiInterface", Absent::kText},
                                  kFsType,
                                  kReadOnly,
                                  {"Portals", "portals"},
                                  {"DiscoveryCHAPAuth", "chapAuthDiscovery", Absent::kFlag},
                                  {"SessionCHAPAuth", "chapAuthSession", Absent::kFlag},
                                  {"SecretRef", "secretRef", Absent::kNull, kSecret},
                                  {"InitiatorName", "initiatorName"}};
constexpr Shown kFlexFields[] = {{"Driver", "driver", Absent::kText},
                                 kFsType,
                                 {"SecretRef", "secretRef", Absent::kNull, kSecret},
                                 kReadOnly,
                                 {"Options", "options"}};
constexpr Shown kCinderFields[] = {
    {"VolumeID", "volumeID", Absent::kText}, kFsType, kReadOnly, {"SecretRef", "secretRef", Absent::kNull, kSecret}};
constexpr Shown kCephFields[] = {{"Monitors", "monitors"},
                                 {"Path", "path", Absent::kText},
                                 {"User", "user", Absent::kText},
                                 {"SecretFile", "secretFile", Absent::kText},
                                 {"SecretRef", "secretRef", Absent::kNull, kSecret},
                                 kReadOnly};
constexpr Shown kFcFields[] = {{"TargetWWNs", "targetWWNs"}, {"Lun", "lun"}, kFsType, kReadOnly, {"WWIDs", "wwids"}};
constexpr Shown kFlockerFields[] = {{"DatasetName", "datasetName", Absent::kText},
                                    {"DatasetUUID", "datasetUUID", Absent::kText}};
constexpr Shown kAzureFileFields[] = {{"SecretName", "secretName", Absent::kText},
                                      {"ShareName", "shareName", Absent::kText},
                                      kReadOnly,
                                      {"SecretNamespace", "secretNamespace"}};
constexpr Shown kVsphereFields[] = {{"VolumePath", "volumePath", Absent::kText},
                                    kFsType,
                                    {"StoragePolicyName", "storagePolicyName", Absent::kText},
                                    {"StoragePolicyID", "storagePolicyID", Absent::kText}};
constexpr Shown kAzureDiskFields[] = {{"DiskName", "diskName", Absent::kText},
                                      {"DataDiskURI", "diskURI", Absent::kText},
                                      {"CachingMode", "cachingMode"},
                                      {"FSType", "fsType"},
                                      {"ReadOnly", "readOnly"},
                                      {"Kind", "kind"}};
constexpr Shown kPhotonFields[] = {{"PdID", "pdID", Absent::kText}, kFsType};
constexpr Shown kPortworxFields[] = {{"VolumeID", "volumeID", Absent::kText}, kFsType, kReadOnly};
constexpr Shown kScaleIoFields[] = {{"Gateway", "gateway", Absent::kText},
                                    {"System", "system", Absent::kText},
                                    {"SecretRef", "secretRef", Absent::kNull, kSecret},
                                    {"SSLEnabled", "sslEnabled", Absent::kFlag},
                                    {"ProtectionDomain", "protectionDomain", Absent::kText},
                                    {"StoragePool", "storagePool", Absent::kText},
                                    {"StorageMode", "storageMode", Absent::kText},
                                    {"VolumeName", "volumeName", Absent::kText},
                                    kFsType,
                                    kReadOnly};
constexpr Shown kLocalFields[] = {{"Path", "path", Absent::kText}, {"FSType", "fsType"}};
constexpr Shown kStorageOsFields[] = {{"VolumeName", "volumeName", Absent::kText},
                                      {"VolumeNamespace", "volumeNamespace", Absent::kText},
                                      kFsType,
                                      kReadOnly,
                                      {"SecretRef", "secretRef", Absent::kNull, kObject}};
constexpr Shown kCsiFields[] = {{"Driver", "driver", Absent::kText},
                                {"VolumeHandle", "volumeHandle", Absent::kText},
                                kReadOnly,
                                kFsType,
                                {"VolumeAttributes", "volumeAttributes"},
                                {"ControllerPublishSecretRef", "controllerPublishSecretRef", Absent::kNull, kSecret},
                                {"NodeStageSecretRef", "nodeStageSecretRef", Absent::kNull, kSecret},
                                {"NodePublishSecretRef", "nodePublishSecretRef", Absent::kNull, kSecret},
                                {"ControllerExpandSecretRef", "controllerExpandSecretRef", Absent::kNull, kSecret},
                                {"NodeExpandSecretRef", "nodeExpandSecretRef", Absent::kNull, kSecret}};

constexpr Shown kSources[] = {{"GCEPersistentDisk", "gcePersistentDisk", Absent::kNull, kGceFields},
                              {"AWSElasticBlockStore", "awsElasticBlockStore", Absent::kNull, kAwsFields},
                              {"HostPath", "hostPath", Absent::kNull, kHostPathFields},
                              {"Glusterfs", "glusterfs", Absent::kNull, kGlusterFields},
                              {"NFS", "nfs", Absent::kNull, kNfsFields},
                              {"RBD", "rbd", Absent::kNull, kRbdFields},
                              {"Quobyte", "quobyte", Absent::kNull, kQuobyteFields},
                              {"ISCSI", "iscsi", Absent::kNull, kIscsiFields},
                              {"FlexVolume", "flexVolume", Absent::kNull, kFlexFields},
                              {"Cinder", "cinder", Absent::kNull, kCinderFields},
                              {"CephFS", "cephfs", Absent::kNull, kCephFields},
                              {"FC", "fc", Absent::kNull, kFcFields},
                              {"Flocker", "flocker", Absent::kNull, kFlockerFields},
                              {"AzureFile", "azureFile", Absent::kNull, kAzureFileFields},
                              {"VsphereVolume", "vsphereVolume", Absent::kNull, kVsphereFields},
                              {"AzureDisk", "azureDisk", Absent::kNull, kAzureDiskFields},
                              {"PhotonPersistentDisk", "photonPersistentDisk", Absent::kNull, kPhotonFields},
                              {"PortworxVolume", "portworxVolume", Absent::kNull, kPortworxFields},
                              {"ScaleIO", "scaleIO", Absent::kNull, kScaleIoFields},
                              {"Local", "local", Absent::kNull, kLocalFields},
                              {"StorageOS", "storageos", Absent::kNull, kStorageOsFields},
                              {"CSI", "csi", Absent::kNull, kCsiFields}};

}  // namespace

std::span<const Shown> volume_source_fields() { return kSources; }

}  // namespace gantry::kinds
