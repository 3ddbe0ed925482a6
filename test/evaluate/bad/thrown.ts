import { defineConfig, DreamTrainerConfig, z } from "dreamc";

const Config = defineConfig(
  DreamTrainerConfig,
  { hiddenSize: z.int(), numHeads: z.int() },
  {
    validate({ hiddenSize, numHeads }) {
      if (hiddenSize % numHeads !== 0) throw new Error("hiddenSize must be a multiple of numHeads"); // ~ thrown
    },
  },
);
Config({ hiddenSize: 10, numHeads: 3 });
