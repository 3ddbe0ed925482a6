// What `DeviceParameters` mean for the mesh.
import type { MeshDegrees } from "../distributed/device-mesh.js";
import { refuseConfig } from "../services.js";
import type { DeviceParameters } from "./config.js";

/** Refuses entries that do not fit together. */
export function checkDevices(devices: DeviceParameters): void {
  const { dpReplicate, dpShard, asyncTensorParallel, compileModel } = devices;
  if (dpReplicate === "auto" && dpShard === "auto") refuseConfig("deviceParameters.dpShard", "two-degrees-auto");
  if (asyncTensorParallel && !compileModel)
    refuseConfig("deviceParameters.asyncTensorParallel", "async-tensor-parallel-needs-compile");
}

/** Ranks along each axis of the mesh. */
export const meshDegreesOf = (devices: DeviceParameters): MeshDegrees => ({
  pp: devices.pipelineParallel,
  dpReplicate: devices.dpReplicate ?? (devices.dpShard === "auto" ? 1 : "auto"),
  dpShard: devices.dpShard,
  cp: devices.contextParallel,
  tp: devices.tensorParallel,
});
