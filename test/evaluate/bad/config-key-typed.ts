// types
import { DreamTrainerConfig } from "dreamc";

DreamTrainerConfig({ trainingParameters: { trainBatchSise: 8 } }); // ~ TS2561
