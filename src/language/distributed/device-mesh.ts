// The mesh: ranks in rows along named axes. A trainer's hooks get the part of it that is theirs.
import { worldSize } from "../services.js";

/** Outermost first: neighbours in `tp` are neighbours in rank. */
export type MeshAxis = "pp" | "dpReplicate" | "dpShard" | "cp" | "tp";

const order: readonly MeshAxis[] = ["pp", "dpReplicate", "dpShard", "cp", "tp"];

/** Ranks of each axis; "auto": as many as the world has left when the program starts. */
export type MeshDegrees = { readonly [A in MeshAxis]: number | "auto" };

/** Flattened views: `dp` is everything that shares out the batch, `dpShard+cp` what FSDP shards over. */
const views: { readonly [name: string]: readonly MeshAxis[] } = {
  dp: ["dpReplicate", "dpShard"],
  "dpShard+cp": ["dpShard", "cp"],
  "dp+cp": ["dpReplicate", "dpShard", "cp"],
};

/** Ranks in rows along named axes, or the part of them along some of the axes. */
export class DeviceMesh {
  constructor(
    readonly degrees: MeshDegrees,
    /** Outermost first. */
    readonly axes: readonly MeshAxis[] = order,
  ) {}
  /** The part along one axis, along several, or along a flattened view: `get("tp")`, `get("dp")`, `get("dpShard+cp")`. */
  get(name: MeshAxis | "dp" | "dpShard+cp" | "dp+cp"): DeviceMesh {
    const axes = views[name] ?? [name as MeshAxis];
    for (const axis of axes)
      if (!this.axes.includes(axis)) throw new Error(`this mesh has no axis ${axis}; it has ${this.axes.join(", ")}`);
    return new DeviceMesh(this.degrees, axes);
  }
  /** Number of ranks along its axes. A degree that is "auto" makes it a number that only the running program knows. */
  get size(): number {
    let size = 1;
    let fixed = 1;
    for (const axis of order) {
      const degree = this.degrees[axis];
      if (degree !== "auto") fixed *= degree;
    }
    for (const axis of this.axes) {
      const degree = this.degrees[axis];
      size = degree === "auto" ? Math.floor(worldSize() / fixed) * size : size * degree;
    }
    return size;
  }
  /** The name of the only axis. */
  get axis(): MeshAxis {
    const [axis] = this.axes;
    if (axis === undefined || this.axes.length !== 1)
      throw new Error(`this takes a mesh of one axis, not of ${this.axes.join(", ")}: write mesh.get("tp")`);
    return axis;
  }
}
