import { DreamTrainerConfig } from "dreamc";

DreamTrainerConfig({
  trainingParameters: {
    nEpochs: 0, // ~ config-value
    gradientClipVal: -1, // ~ config-value
  },
});
