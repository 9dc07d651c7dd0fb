// Bytes of the model's values (protobuf, manager/model/model.proto): for ordered messages, snapshots, journal
// and local IPC. The generated types stay behind codec.cpp. Decoders are total: any input gives a value or an
// error.
#pragma once

#include "manager/model/command.hpp"
#include "manager/model/configuration.hpp"
#include "manager/model/status.hpp"
#include "totem/base/bytes.hpp"
#include "totem/base/result.hpp"

namespace manager {

[[nodiscard]] base::Bytes encode(const Configuration& config);
[[nodiscard]] base::Result<Configuration> decode_configuration(base::ByteView bytes);
[[nodiscard]] base::Bytes encode(const ClusterStatus& status);
[[nodiscard]] base::Result<ClusterStatus> decode_status(base::ByteView bytes);
[[nodiscard]] base::Bytes encode(const Command& command);
[[nodiscard]] base::Result<Command> decode_command(base::ByteView bytes);

}  // namespace manager
