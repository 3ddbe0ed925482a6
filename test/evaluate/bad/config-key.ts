import { DreamTrainerConfig } from "dreamc";

// biome-ignore lint: the types are cheated on purpose
const make = DreamTrainerConfig as any;
make({
  trainingParameters: {
    trainBatchSise: 8, // ~ config-key
  },
  callback: [], // ~ config-key
});
